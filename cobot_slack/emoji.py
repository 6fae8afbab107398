"""Emoji, and the names that Slack has for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TABLE = """
grinning 😀 smiley 😃 smile 😄 grin 😁 laughing 😆 sweat_smile 😅
rolling_on_the_floor_laughing 🤣 joy 😂 slightly_smiling_face 🙂 upside_down_face 🙃
wink 😉 blush 😊 innocent 😇 heart_eyes 😍 star-struck 🤩 kissing_heart 😘 yum 😋
stuck_out_tongue 😛 zany_face 🤪 money_mouth_face 🤑 hugging_face 🤗 shushing_face 🤫
thinking_face 🤔 neutral_face 😐 expressionless 😑 no_mouth 😶 smirk 😏 unamused 😒
face_with_rolling_eyes 🙄 grimacing 😬 relieved 😌 pensive 😔 sleepy 😪 sleeping 😴
mask 😷 exploding_head 🤯 partying_face 🥳 sunglasses 😎 nerd_face 🤓 confused 😕
worried 😟 open_mouth 😮 hushed 😯 astonished 😲 flushed 😳 pleading_face 🥺 cry 😢
sob 😭 scream 😱 disappointed 😞 sweat 😓 weary 😩 tired_face 😫 triumph 😤 rage 😡
angry 😠 skull 💀 hankey 💩 clown_face 🤡 ghost 👻 alien 👽 robot_face 🤖 see_no_evil 🙈
hear_no_evil 🙉 speak_no_evil 🙊 heart ❤️ orange_heart 🧡 yellow_heart 💛
green_heart 💚 blue_heart 💙 purple_heart 💜 black_heart 🖤 broken_heart 💔
sparkling_heart 💖 100 💯 boom 💥 dizzy 💫 sweat_drops 💦 dash 💨 zzz 💤 wave 👋
raised_hand ✋ ok_hand 👌 v ✌️ crossed_fingers 🤞 point_left 👈 point_right 👉
point_up_2 👆 point_down 👇 point_up ☝️ +1 👍 -1 👎 fist ✊ facepunch 👊 clap 👏
raised_hands 🙌 open_hands 👐 handshake 🤝 pray 🙏 writing_hand ✍️ muscle 💪 ear 👂
brain 🧠 eyes 👀 eye 👁️ face_palm 🤦 shrug 🤷 bow 🙇 man 👨 woman 👩 baby 👶 dog 🐶
cat 🐱 mouse 🐭 bear 🐻 panda_face 🐼 tiger 🐯 monkey_face 🐵 chicken 🐔 penguin 🐧
bird 🐦 owl 🦉 bee 🐝 bug 🐛 snail 🐌 turtle 🐢 snake 🐍 octopus 🐙 fish 🐟 whale 🐳
unicorn_face 🦄 rose 🌹 sunflower 🌻 evergreen_tree 🌲 cactus 🌵 four_leaf_clover 🍀
apple 🍎 banana 🍌 watermelon 🍉 strawberry 🍓 avocado 🥑 bread 🍞 cheese_wedge 🧀
pizza 🍕 hamburger 🍔 taco 🌮 popcorn 🍿 cake 🍰 birthday 🎂 cookie 🍪 doughnut 🍩
coffee ☕ tea 🍵 wine_glass 🍷 beer 🍺 beers 🍻 champagne 🍾 earth_africa 🌍 house 🏠
office 🏢 car 🚗 taxi 🚕 bus 🚌 bike 🚲 airplane ✈️ rocket 🚀 ship 🚢 construction 🚧
rotating_light 🚨 watch ⌚ alarm_clock ⏰ stopwatch ⏱️ hourglass ⌛
hourglass_flowing_sand ⏳ sunny ☀️ cloud ☁️ umbrella ☔ zap ⚡ snowflake ❄️ fire 🔥
droplet 💧 ocean 🌊 rainbow 🌈 star ⭐ star2 🌟 sparkles ✨ tada 🎉 confetti_ball 🎊
balloon 🎈 gift 🎁 trophy 🏆 medal 🏅 soccer ⚽ dart 🎯 game_die 🎲 art 🎨
musical_note 🎵 microphone 🎤 guitar 🎸 phone ☎️ iphone 📱 computer 💻 keyboard ⌨️
floppy_disk 💾 camera 📷 tv 📺 mag 🔍 bulb 💡 book 📖 books 📚 newspaper 📰 bookmark 🔖
moneybag 💰 credit_card 💳 email 📧 envelope ✉️ inbox_tray 📥 outbox_tray 📤 package 📦
pencil2 ✏️ memo 📝 briefcase 💼 file_folder 📁 calendar 📆 date 📅
chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊 clipboard 📋
pushpin 📌 paperclip 📎 scissors ✂️ lock 🔒 unlock 🔓 key 🔑 hammer 🔨 wrench 🔧
gear ⚙️ link 🔗 syringe 💉 pill 💊 bell 🔔 no_bell 🔕 loudspeaker 📢 mega 📣
speech_balloon 💬 thought_balloon 💭 warning ⚠️ no_entry ⛔ no_entry_sign 🚫
recycle ♻️ white_check_mark ✅ ballot_box_with_check ☑️ heavy_check_mark ✔️ x ❌
question ❓ grey_question ❔ exclamation ❗ bangbang ‼️ arrow_right ➡️ arrow_left ⬅️
arrow_up ⬆️ arrow_down ⬇️ arrows_counterclockwise 🔄 back 🔙 soon 🔜 new 🆕 ok 🆗
sos 🆘 red_circle 🔴 large_green_circle 🟢 large_yellow_circle 🟡 large_blue_circle 🔵
white_circle ⚪ black_circle ⚫ checkered_flag 🏁 white_flag 🏳️
triangular_flag_on_post 🚩
"""

_WORDS = _TABLE.split()
_EMOJI: Mapping[str, str] = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))

_ALIASES: Mapping[str, str] = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "satisfied": "laughing",
    "thinking": "thinking_face",
    "robot": "robot_face",
    "poop": "hankey",
    "collision": "boom",
    "pencil": "memo",
    "punch": "facepunch",
    "telephone": "phone",
    "red_car": "car",
}
"""Other names of the same."""

_IN_COLOUR = "\ufe0f"
_NAMES: Mapping[str, str] = {
    sign.replace(_IN_COLOUR, ""): name for name, sign in _EMOJI.items()
}
_TONES = range(0x1F3FB, 0x1F400)
_FIRST_TONE = 2
"""What Slack calls the lightest skin."""
_NAME = re.compile(r":?([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):?")
_IN_TEXT = re.compile(r":([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):")


def name_of(emoji: str) -> str | None:
    """Return Slack's name of an emoji, or a name as it is; None: it has none that we know."""
    bare = emoji.replace(_IN_COLOUR, "")
    tone = ""
    if len(bare) > 1 and ord(bare[-1]) in _TONES:
        tone = f"::skin-tone-{ord(bare[-1]) - _TONES[0] + _FIRST_TONE}"
        bare = bare[:-1]
    name = _NAMES.get(bare)
    if name is not None:
        return name + tone
    match = _NAME.fullmatch(emoji)
    return None if match is None else match[1]


def emoji_of(name: str) -> str:
    """Return the emoji that a name means; a workspace's own, or an unknown one, as `:name:`."""
    word, _, tone = name.partition("::skin-tone-")
    emoji = _EMOJI.get(_ALIASES.get(word, word))
    if emoji is None:
        return f":{name}:"
    if tone not in ("2", "3", "4", "5", "6"):
        return emoji
    return emoji.replace(_IN_COLOUR, "") + chr(_TONES[int(tone) - _FIRST_TONE])


def with_emoji(text: str) -> str:
    """Return a text with emoji in place of those names that we know."""
    return _IN_TEXT.sub(lambda match: emoji_of(match[1]), text) if ":" in text else text
