"""Talk about documents over several turns: what was said and shown, how it is asked, and how it is kept."""

from dsvl2.pipelines.chat.history import latest, load, new_path, save, transcript
from dsvl2.pipelines.chat.seen import SeenTalk
from dsvl2.pipelines.chat.task import SPEC
from dsvl2.pipelines.chat.text import TextTalk
from dsvl2.pipelines.chat.types import ChatReply, Conversation, Shown, Talk, Turn, Watch

__all__ = [
    "SPEC",
    "ChatReply",
    "Conversation",
    "SeenTalk",
    "Shown",
    "Talk",
    "TextTalk",
    "Turn",
    "Watch",
    "latest",
    "load",
    "new_path",
    "save",
    "transcript",
]
