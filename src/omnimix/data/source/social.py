"""Presets of what is said of a shop in public: mentions, comments, reviews.

in   nothing
out  SOCIAL_PRESETS by name

Columns as in the exports of Sprout Social's inbox, Hootsuite's inbox and streams, Brandwatch's mentions, and
comments of Meta's Graph API (`created_time`, `message`, `from.id`, `like_count`, `comment_count`). Twitter and X
call the author `screen_name` or `username`.
"""

from collections.abc import Mapping

from omnimix.data.source.preset import Preset
from omnimix.data.source.spec import Holds

_NAMES = {
    "mention": "Mention Posted",
    "mentions": "Mention Posted",
    "tweet": "Mention Posted",
    "post": "Mention Posted",
    "retweet": "Mention Posted",
    "quote": "Mention Posted",
    "comment": "Comment Posted",
    "comments": "Comment Posted",
    "post comment": "Comment Posted",
    "ad comment": "Comment Posted",
    "reply": "Comment Posted",
    "review": "Review Posted",
    "recommendation": "Review Posted",
    "direct message": "Message Received",
    "private message": "Message Received",
    "dm": "Message Received",
}

_COLUMNS = {
    "message_id": ("Message ID", "Mention ID", "Comment ID", "Post ID", "Tweet ID", "message_id", "id"),
    "name_of_event": ("Message Type", "Engagement Type", "Mention Type", "Post Type", "type"),
    "occurred_at": (
        "created_time",
        "Timestamp",
        "Timestamp (UTC)",
        "Timestamp (ET)",
        "Date Created",
        "Created At",
        "Date (UTC)",
        "Date",
        "time",
    ),
    "handle": (
        "handle",
        "Author Handle",
        "screen_name",
        "username",
        "Username",
        "From Username",
        "Contact Primary Identifier",
        "from.id",
        "From",
        "Author",
    ),
    "platform": ("Network", "Social Network", "Platform", "Medium", "Page Type", "Source Type", "network"),
    "text": ("message", "Message", "Text", "Full Text", "Comment", "Content", "Snippet", "Review"),
    "likes": ("like_count", "Likes", "Like Count", "Reactions", "favorite_count", "Impact Likes"),
    "replies": ("comment_count", "Replies", "Comments", "Reply Count", "reply_count"),
    "language": ("Language", "lang"),
    "country": ("Country", "Country Code"),
    "user_id": ("Customer ID", "user_id"),
}


def _kind(name: str) -> Preset:
    """A preset for rows that do not say what they are."""
    return Preset(Holds.EVENTS, _COLUMNS, constants={"name_of_event": name, "medium": "social"}, names=_NAMES)


SOCIAL_PRESETS: Mapping[str, Preset] = {
    "social_mentions": _kind("Mention Posted"),
    "social_comments": _kind("Comment Posted"),
    "reviews": _kind("Review Posted"),
}
