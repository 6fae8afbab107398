"""The methods of the Bot API that the network knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from networks.telegram.calls import Call
from networks.telegram.methods import asking, changing, media, sending
from networks.telegram.world import World

Method: TypeAlias = Callable[[World, Call], Any]
"""Does a call and returns its result, or raises an `ApiError`."""

METHODS: dict[str, Method] = {
    "getMe": asking.get_me,
    "getChat": asking.get_chat,
    "getChatMember": asking.get_chat_member,
    "getFile": asking.get_file,
    "setWebhook": asking.set_webhook,
    "deleteWebhook": asking.delete_webhook,
    "getWebhookInfo": asking.get_webhook_info,
    "answerCallbackQuery": asking.answer_callback_query,
    "sendMessage": sending.send_message,
    "sendMessageDraft": sending.send_message_draft,
    "sendChatAction": sending.send_chat_action,
    "sendPhoto": media.sender("photo"),
    "sendDocument": media.sender("document"),
    "sendVideo": media.sender("video"),
    "sendAudio": media.sender("audio"),
    "sendVoice": media.sender("voice"),
    "sendAnimation": media.sender("animation"),
    "sendVideoNote": media.sender("video_note"),
    "sendSticker": media.sender("sticker"),
    "sendMediaGroup": media.send_media_group,
    "editMessageText": changing.edit_message_text,
    "editMessageCaption": changing.edit_message_caption,
    "editMessageMedia": changing.edit_message_media,
    "editMessageReplyMarkup": changing.edit_message_reply_markup,
    "deleteMessage": changing.delete_message,
    "deleteMessages": changing.delete_messages,
    "setMessageReaction": changing.set_message_reaction,
}
"""All but `getUpdates`, whose answer may have to wait."""

SPELLED = {name.lower(): name for name in (*METHODS, "getUpdates")}
"""Names are taken in any case."""
