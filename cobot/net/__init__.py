"""What channels share for talking to their networks. Nothing here knows any one of them.

Comes with the extra `cobot-core[net]`, which channels require.

    http = Http("pigeon", redact=redact)
    answer = await http.call("send", f"{base_url}/{token}/fly", {"loft": 7, "text": "hello"})
    if answer.status == 429:
        raise RateLimited("pigeon", "send", "too many", retry_after_s=answer.retry_after_s)
    flight = answer.json()
"""

from cobot.encoding import dumps, loads
from cobot.net.answers import Answer
from cobot.net.http import Http, ReadyHeaders
from cobot.net.timing import CALL, FETCH, TRANSFER, TimeLimits
from cobot.net.uploads import Part, Upload, multipart, raw

__all__ = [
    "CALL",
    "FETCH",
    "TRANSFER",
    "Answer",
    "Http",
    "Part",
    "ReadyHeaders",
    "TimeLimits",
    "Upload",
    "dumps",
    "loads",
    "multipart",
    "raw",
]
