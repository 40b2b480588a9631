"""Stories: by template they hold by construction; by a language model every figure and word is checked."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from omnimix.audience.persona.language_model import LanguageModel, NarratorRules, read_answer
from omnimix.audience.persona.narrative import TEMPLATE, facts_of, narrate, refused
from omnimix.audience.persona.persona import Kind, Persona, Statement
from omnimix.audience.persona.port import Fact, Sentence
from omnimix.audience.segment.segment import Segment
from omnimix.core.errors import InvalidInput

SEGMENT = Segment("bulk", "Bulk buyers", 262, 0.06, "units ≥ 20", 0.9, 0.8, 0.95, {}, {})
STOCK = "They seem to stock up: typically 67 of each product at a time, against 10 among all customers."
LIGHT = "On average 16% of their spending goes on lighting & candles, against 10% among all customers."
PERSONA = Persona(
    SEGMENT,
    "Bulk buyers: 262 customers (6% of all) who stock up.",
    (
        Statement(Kind.MOTIVATION, STOCK, "units of each product", 67, 10, 60, 74, "count", 262, "quantity"),
        Statement(
            Kind.CATEGORY, LIGHT, "share of spend in lighting", 0.16, 0.1, 0.13, 0.2, "share", 262, "lighting"
        ),
    ),
)
GOOD = (
    {
        "text": "Bulk buyers stock up: typically 67 of each product, against 10 among all customers.",
        "facts": ["s1"],
    },
    {"text": "Their spending goes on lighting and candles: 16% on average, 10% among all.", "facts": ["s2"]},
)


def test_the_template_tells_the_statements_as_they_are() -> None:
    story = narrate(PERSONA)
    assert (story.writer, story.refused) == (TEMPLATE, "")
    assert story.text == f"{PERSONA.headline} {STOCK} {LIGHT}"
    silent = narrate(replace(PERSONA, statements=()))
    assert silent.text == PERSONA.headline


@pytest.mark.parametrize(
    ("text", "keys", "says"),
    [
        ("They stock up: typically 67 of each product at a time, against 10 among all.", ("s1",), ""),
        ("16% of spending goes on candles, 10% on average.", ("s2",), ""),
        ("Typically 67 of each product, and 16% of spending on lighting.", ("s1", "s2"), ""),
        ("They are 262 customers who stock up.", ("s0",), ""),
        ("They take 70 of each product.", ("s1",), "says 70"),
        ("They take 10 of each product, against 67 among all customers.", ("s1",), "says 67"),
        ("They take 67 of each product.", ("s2",), "says 67"),
        ("They stock up.", (), "rests on no statement"),
        ("They stock up.", ("s9",), "rests on no statement"),
        ("They love luxury products.", ("s1",), "“love”"),
        ("They never stock up.", ("s1",), "“never”"),
        ("They stock up because of candles.", ("s1", "s2"), "“because”"),
        ("They stock up more than all customers.", ("s1",), "“more”"),
        ("Women stock up.", ("s1",), "“women”"),
    ],
)
def test_every_figure_and_word_is_checked(text: str, keys: tuple[str, ...], says: str) -> None:
    found = refused([Sentence(text, keys)], facts_of(PERSONA), name="Bulk buyers")
    assert (says in found) if says else found == ""


def test_an_empty_or_endless_story_is_not_taken() -> None:
    assert refused([], (), name="x") == "it said nothing"
    long = [Sentence("They stock up. " * 100, ("s1",))]
    assert "more than" in refused(long, (Fact("s1", STOCK),), name="x")


@dataclass
class Model:
    """A real server that speaks the chat-completions protocol and answers as it is told to."""

    url: str = ""
    answer: str = ""
    status: int = 200
    released: threading.Event = field(default_factory=threading.Event)  # no answer before
    asked: list[dict[str, object]] = field(default_factory=list)


@pytest.fixture
def model(socket_enabled: None) -> Iterator[Model]:
    state = Model()
    state.released.set()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append(json.loads(body) | {"(key)": self.headers.get("Authorization")})
            state.released.wait(30)
            choice = {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": state.answer},
            }
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice]}
            if state.status != 200:
                reply = {"error": {"message": "out of order", "type": "server_error"}}
            data = json.dumps(reply).encode()
            try:
                self.send_response(state.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                return

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def told(model: Model, *, seconds: float = 10.0) -> tuple[str, str, str]:
    narrator = LanguageModel(
        NarratorRules(model="tiny", base_url=model.url, api_key="secret-key", timeout_seconds=seconds)
    )
    story = narrate(PERSONA, narrator)
    return story.text, story.writer, story.refused


def test_a_model_that_keeps_to_the_statements_is_heard(model: Model) -> None:
    model.answer = "```json\n" + json.dumps({"sentences": GOOD}) + "\n```"
    text, writer, reason = told(model)
    assert (writer, reason) == ("tiny", "")
    assert text == " ".join(s["text"] for s in GOOD)


def test_a_model_that_invents_is_not(model: Model) -> None:
    model.answer = json.dumps({"sentences": [GOOD[0], {"text": "They spend 90% on candles.", "facts": ["s2"]}]})
    text, writer, reason = told(model)
    assert writer == TEMPLATE
    assert "says 90" in reason
    assert text == narrate(PERSONA).text


def test_a_model_that_fails_is_done_without(model: Model) -> None:
    model.status = 500
    text, writer, reason = told(model)
    assert (writer, text) == (TEMPLATE, narrate(PERSONA).text)
    assert reason.startswith("tiny: gave no answer")


def test_a_model_that_dawdles_is_done_without(model: Model) -> None:
    model.answer = json.dumps({"sentences": GOOD})
    model.released.clear()
    _text, writer, reason = told(model, seconds=0.3)
    assert not model.released.is_set(), "nobody waited for the answer"
    model.released.set()
    assert writer == TEMPLATE
    assert "gave no answer" in reason


def test_a_model_that_babbles_is_done_without(model: Model) -> None:
    model.answer = "Sure! Here is your portrait."
    assert told(model)[1:] == (TEMPLATE, "tiny: answered something that is not the JSON it was asked for")


def test_the_prompt_holds_the_statements_and_nothing_else(model: Model) -> None:
    model.answer = json.dumps({"sentences": GOOD})
    told(model)
    (asked,) = model.asked
    messages = json.dumps(asked["messages"], ensure_ascii=False)
    assert STOCK in messages
    for trace in ("units ≥ 20", "secret-key", "profile", "@"):
        assert trace not in messages
    assert asked["(key)"] == "Bearer secret-key"
    assert "secret-key" not in repr(NarratorRules(model="tiny", api_key="secret-key"))


@pytest.mark.parametrize("answer", ["", "{", '{"sentences": 1}', '{"sentences": [{"text": "x"}]}', "[]"])
def test_what_is_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(InvalidInput):
        read_answer(answer)
