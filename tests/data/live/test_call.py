"""What a body may hold, and by what its events are known."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.data.live.call import Envelope, Sender, own_id, packed, read_call, split, unpacked

SECRET = b"secret"


def keys(events: list[Any], **beside: Any) -> tuple[bytes, ...]:
    return read_call("batch", json.dumps({"batch": events, **beside}).encode(), secret=SECRET).keys


def test_an_event_is_known_by_its_message_id_whatever_else_it_says() -> None:
    first, second = keys([{"messageId": "m1", "a": 1}]), keys([{"messageId": "m1", "a": 2}], sentAt="2026-01-01")
    assert first == second
    assert first != keys([{"messageId": "m2", "a": 1}])


@given(st.lists(st.one_of(st.none(), st.text(max_size=120), st.integers(), st.booleans()), max_size=8))
def test_every_event_has_a_key_and_an_id(given_ids: list[Any]) -> None:
    events = [{"messageId": i, "timestamp": str(n)} for n, i in enumerate(given_ids)]
    call = read_call("batch", json.dumps({"batch": events}).encode(), secret=SECRET)
    assert len(call.keys) == len(events)
    for place, message_id in enumerate(given_ids):
        assert (place in call.ids) == (own_id(message_id) is None)


def test_the_quick_way_and_the_careful_way_agree() -> None:
    ids = ["a", " b ", "c" * 100]
    quick = keys([{"messageId": i} for i in ids])
    careful = keys([*({"messageId": i} for i in ids), {"no": "id"}])
    assert quick == careful[:3]


def test_without_an_id_content_and_time_tell() -> None:
    event = {"type": "track", "event": "x", "timestamp": "2026-01-01T00:00:00Z"}
    assert keys([event]) == keys([event])
    assert keys([event]) != keys([{**event, "event": "y"}])
    undated = {"type": "track", "event": "x"}
    assert keys([undated]) != keys([undated])  # nothing says that it is the same one
    assert keys([undated], sentAt="2026-01-01") == keys([undated], sentAt="2026-01-01")


def test_ids_reveal_nothing_without_the_secret() -> None:
    body = b'{"userId": "u", "timestamp": "2026-01-01"}'
    one, other = (read_call("track", body, secret=s).ids[0] for s in (b"one", b"other"))
    assert one != other


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"batch": {}}', b"{}", b'{"batch": [}', b"[" * 100_000],
)
def test_no_call_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_call("batch", body, secret=SECRET)


def test_most_events() -> None:
    assert len(keys([{}] * 2500)) == 2500
    with pytest.raises(InvalidInput, match="2500"):
        keys([{}] * 2501)


def test_what_is_no_event_is_no_reason_to_refuse_the_others() -> None:
    assert len(keys([1, None, "x", [], {"messageId": "m"}])) == 5


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_call("batch", b'{"batch": "anna@shop.example"}', secret=SECRET)
    assert "anna" not in str(refused.value)


@pytest.mark.parametrize(
    "beside", [b'"context": {"a": "\xe0"}', b'"x": "\xe0"', b'"sentAt": "\xe0"', b'"context": {"a": "\\ud800"}']
)
@pytest.mark.parametrize("event", [b'{"messageId": "m"}', b"{}"])
def test_what_is_acknowledged_can_be_read_again(beside: bytes, event: bytes) -> None:
    body = b'{"batch": [' + event + b"], " + beside + b"}"
    try:
        read_call("batch", body, secret=SECRET)
    except InvalidInput:
        return
    split("batch", body)


def test_no_utf_8_is_refused_wherever_it_stands() -> None:
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_call("batch", b'{"batch": [{"messageId": "m", "name": "\xe0"}]}', secret=SECRET)


def test_envelopes_come_back() -> None:
    envelope = Envelope(5, "web", "batch", Sender("UA", "1.2.3.4", True, "prefetch"), {3: "live_x"}, b"\x00\xff")
    assert unpacked(packed(envelope)) == envelope
