"""Emoji, and the names that the network gives them."""

from __future__ import annotations

import re

_TABLE = """
grinning=😀 smile=😄 laughing=😆 sweat_smile=😅 joy=😂 slightly_smiling_face=🙂 wink=😉 blush=😊
heart_eyes=😍 thinking_face=🤔 neutral_face=😐 cry=😢 sob=😭 rage=😡 scream=😱 sunglasses=😎
hugging_face=🤗 sleeping=😴 clown_face=🤡 skull=💀 ghost=👻 robot_face=🤖 hankey=💩
see_no_evil=🙈 +1=👍 -1=👎 ok_hand=👌 clap=👏 wave=👋 pray=🙏 muscle=💪 raised_hands=🙌
point_up=☝️ eyes=👀 brain=🧠 heart=❤️ broken_heart=💔 yellow_heart=💛 green_heart=💚
blue_heart=💙 fire=🔥 sparkles=✨ star=⭐ boom=💥 100=💯 zap=⚡ rainbow=🌈 sunny=☀️ snowflake=❄️
tada=🎉 gift=🎁 trophy=🏆 medal=🏅 rocket=🚀 car=🚗 airplane=✈️ bulb=💡 bell=🔔 mag=🔍 lock=🔒
key=🔑 wrench=🔧 hammer=🔨 gear=⚙️ link=🔗 paperclip=📎 memo=📝 pencil2=✏️ book=📖 calendar=📆
clipboard=📋 hourglass_flowing_sand=⏳ hourglass=⌛ alarm_clock=⏰ email=📧 phone=☎️
computer=💻 moneybag=💰 coffee=☕ beer=🍺 pizza=🍕 cake=🍰 apple=🍎 banana=🍌 dog=🐶 cat=🐱
bug=🐛 white_check_mark=✅ heavy_check_mark=✔️ x=❌ warning=⚠️ no_entry=⛔ question=❓
exclamation=❗ recycle=♻️ arrow_right=➡️ arrow_left=⬅️ arrow_up=⬆️ arrow_down=⬇️
arrows_counterclockwise=🔄 red_circle=🔴 large_green_circle=🟢 large_blue_circle=🔵
white_circle=⚪ black_circle=⚫
"""

EMOJI = dict(item.split("=") for item in _TABLE.split())
"""By name, of those that this network knows; the real one knows all."""

ALIASES = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "satisfied": "laughing",
    "thinking": "thinking_face",
    "robot": "robot_face",
    "poop": "hankey",
    "collision": "boom",
    "pencil": "memo",
}
"""Other names of the same."""

_VARIANT = "\ufe0f"
"""Asks for an emoji in colours; the network leaves it out where it looks names up."""

_NAME_BY_EMOJI = {emoji.rstrip(_VARIANT): name for name, emoji in EMOJI.items()}
_ANY = "|".join(re.escape(one) for one in _NAME_BY_EMOJI)
_EMOJI = re.compile(f"({_ANY}){_VARIANT}?([\U0001f3fb-\U0001f3ff])?")
_NAME = re.compile(r":([a-z0-9_+'-]+)(?:::skin-tone-([2-6]))?:")
_FIRST_SKIN = 0x1F3FB  # which Slack counts as the second


def name_of(emoji: str) -> str | None:
    """Return the network's name of an emoji; None: it has none here."""
    match = _EMOJI.fullmatch(emoji)
    return _named(match).strip(":") if match else None


def emoji_of(name: str) -> str | None:
    """Return the emoji that a name with or without skin tone means; None: there is none."""
    word, _, tone = name.partition("::skin-tone-")
    emoji = EMOJI.get(ALIASES.get(word, word))
    if emoji is None or (tone and tone not in "23456"):
        return None
    return emoji.rstrip(_VARIANT) + chr(_FIRST_SKIN + int(tone) - 2) if tone else emoji


def _named(match: re.Match[str]) -> str:
    name = _NAME_BY_EMOJI[match[1]]
    tone = f"::skin-tone-{ord(match[2]) - _FIRST_SKIN + 2}" if match[2] else ""
    return f":{name}{tone}:"


def with_names(text: str) -> str:
    """Return text in which emoji are names, as the network stores them."""
    return _EMOJI.sub(_named, text)


def without_names(text: str) -> str:
    """Return text in which names are emoji; unknown names stay."""
    return _NAME.sub(lambda match: emoji_of(match[0].strip(":")) or match[0], text)
