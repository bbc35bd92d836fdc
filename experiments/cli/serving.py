"""The commands `llm-evo serve` and `llm-evo record`: a simulated model behind HTTP, and a real one with a log."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.exits import plain_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experiments.serving.program import Blocks
    from experiments.serving.record import Recorder
    from experiments.serving.web import Server


def serve(
    mutator: Annotated[
        str, typer.Argument(metavar="MUTATOR", help='As "FixKeep(fix=0.4, keep=0.95)", or a table as in a grid.')
    ],
    k: Annotated[int, typer.Option(help="Blocks of the problem.")] = 4,
    l: Annotated[int, typer.Option(help="Tokens of a block, four letters each.")] = 2,
    schedule: Annotated[
        str, typer.Option(help='Of the blocks shown, which a call rewrites: "UniformChunk(g=1)" and the like.')
    ] = "AllBlocks()",
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 1,
    name: Annotated[str, typer.Option(help="Of the problem: the right texts of its blocks follow from it.")] = "blocks",
    model: Annotated[
        str, typer.Option(help="Name of the model; that of a priced one lets a framework's own meter run.")
    ] = "sim",
    prompts: Annotated[str, typer.Option(help="Whose prompts: auto, or one of them (docs/serve.md).")] = "auto",
    faults: Annotated[
        str | None, typer.Option(metavar="prose=.05,..", help="Answers that cannot be used, by their chance.")
    ] = None,
    honours_seed: Annotated[
        bool, typer.Option("--honours-seed", help="Give the same answer for the same `seed` of a request.")
    ] = False,
    seconds: Annotated[float, typer.Option(help="Seconds that an answer takes.")] = 0.0,
    silence: Annotated[float, typer.Option(help="Seconds of a request that times out.")] = 600.0,
    log: Annotated[Path | None, typer.Option(help="A line a request (.jsonl), for `llm-evo calibrate`.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; any but 127.0.0.1 lets others in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 for any that is free.")] = 8017,
    files: Annotated[
        Path | None, typer.Option(help="Write program.py to begin with and evaluator.py into this folder, and end.")
    ] = None,
    start: Annotated[float, typer.Option(help="Share of blocks that are right in that program.")] = 0.0,
) -> None:
    """A mutator as a model behind an OpenAI-compatible endpoint, with known truth and a line of log for each request.

    Example: `llm-evo serve "FixKeep(fix=0.5, keep=0.9)" --k 4 --schedule "UniformChunk(g=1)" --log calls.jsonl`
    """
    with plain_errors():
        from evo.errors import InputError
        from experiments.cli.planning import pairs
        from experiments.serving.faults import Faults
        from experiments.serving.log import CallLog
        from experiments.serving.model import Model
        from experiments.serving.program import expect_blocks
        from experiments.serving.prompts.find import expect_reader
        from experiments.serving.serve import Endpoint
        from experiments.serving.web import Server

        if seed < 0:
            raise InputError(f"--seed: expected a whole number >= 0, got {seed}")
        model = _a_word("--model", model)
        blocks = expect_blocks(k, l, name)
        rates = Faults({} if faults is None else pairs("faults", faults))
        made = Model(
            blocks,
            _part(mutator, "rewrite", "mutator"),
            _part(schedule, "choose", "schedule"),
            seed,
            rates,
            honours_seed,
        )
        if files is not None:
            _write(files, blocks, start, seed)
            return
        reader = expect_reader(prompts)
        kept = None if log is None else CallLog(log, new=True)
        endpoint = Endpoint(made, model, kept, reader, f"seed{seed}", seconds, silence)
        server = Server(host, port, endpoint, endpoint.refuse)
        until_ended(server, host, f"{model}: {mutator} on {k} blocks")
        told = endpoint.totals
        print(f"{told.requests} requests, {told.calls} calls, {told.tokens_in} tokens in, {told.tokens_out} out")


def record(
    log: Annotated[Path, typer.Argument(metavar="LOG.jsonl", help="Log to write, or to go on with.")],
    to: Annotated[str | None, typer.Option(metavar="URL", help="Base URL of the endpoint, as https://host/v1.")] = None,
    key_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable with its key; else the client's is sent.")
    ] = None,
    max_calls: Annotated[float | None, typer.Option(help="Calls, after which none is sent.")] = None,
    max_tokens: Annotated[float | None, typer.Option(help="Tokens, read and written, that may be spent.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Money that may be spent; needs --prices.")] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="prompt=3,..", help="prompt, cached, generated, reasoning, call.")
    ] = None,
    per: Annotated[float, typer.Option(metavar="1e6", help="Tokens that the prices of tokens are for.")] = 1.0,
    answer_tokens: Annotated[
        int | None, typer.Option(help="max_tokens of requests that have none, which a cap on tokens or money needs.")
    ] = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="Write prompts and answers in full.")] = False,
    strip: Annotated[
        Path | None, typer.Option(metavar="NEW.jsonl", help="Write LOG without prompts and answers, and end.")
    ] = None,
    run: Annotated[str, typer.Option(help="Word of the column run.")] = "record",
    timeout: Annotated[float, typer.Option(help="Seconds without a byte from the endpoint.")] = 600.0,
    host: Annotated[str, typer.Option(help="Address to listen at; any but 127.0.0.1 lets others in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 for any that is free.")] = 8018,
) -> None:
    """A pass-through to a real endpoint with a log of all calls, for `llm-evo calibrate`, and caps on what is spent.

    Example: `llm-evo record calls.jsonl --to https://host/v1 --max-calls 100 --key-env MY_KEY`
    """
    with plain_errors():
        from evo.errors import InputError
        from experiments.cli.output import say
        from experiments.cli.planning import pairs
        from experiments.serving.log import CallLog
        from experiments.serving.record import Recorder
        from experiments.serving.spend import Caps, Prices, spent_in
        from experiments.serving.upstream import upstream
        from experiments.serving.web import Server

        if strip is not None:
            _strip(log, strip)
            return
        if to is None:
            raise InputError("--to: expected the base URL of an endpoint, such as https://host/v1, got none")
        expect_tokens(per)
        known = None if prices is None else Prices(a_token(pairs("prices", prices), per))
        if max_cost is not None and known is None:
            raise InputError(
                "--max-cost: expected --prices prompt=..,generated=.. beside it: a cap in money needs them"
            )
        if answer_tokens is not None and answer_tokens < 1:
            raise InputError(f"--answer-tokens: expected a whole number >= 1, got {answer_tokens}")
        behind = upstream(to, key_env, timeout)
        written = CallLog(log, new=False)
        caps = Caps(max_calls, max_tokens, max_cost, spent_in(written.calls, known))
        recorder = Recorder(behind, written, caps, known, answer_tokens, bodies, _a_word("--run", run), say)
        server = Server(host, port, recorder, recorder.refuse)
        for words in _notes(recorder, log):
            say(f"note: {words}")
        until_ended(server, host, f"records calls of {behind.address} in {log}")
        spent = caps.spent
        money = "" if spent.money is None else f", {spent.money:g} in money"
        print(f"{spent.calls} calls, {spent.tokens} tokens{money}, all of {log}")


def _notes(recorder: Recorder, log: Path) -> Iterator[str]:
    """What somebody should know before anything is sent."""
    caps = recorder.caps
    if caps.calls is caps.tokens is caps.money is None:
        yield "there is no cap: whatever is asked is sent and paid; --max-calls, --max-tokens, --max-cost"
    if recorder.bodies:
        yield (
            f"prompts and answers are written into {log} in full, and may be private; "
            f"`llm-evo record {shlex.quote(str(log))} --strip NEW.jsonl` writes a log without them"
        )
    if recorder.upstream.in_the_open:
        yield f"keys and prompts travel to {recorder.upstream.address} without encryption"
    if recorder.log.cut:
        yield f"the last line of {log} was not whole and is cut off; its call counts with the most it may have cost"
    if recorder.log.calls:
        yield f"{log} holds {len(recorder.log.calls)} calls, which count for the caps"


def expect_tokens(per: float) -> None:
    """Check the tokens that prices are for.

    Raises: InputError.
    """
    from evo.errors import InputError

    if not 0.0 < per < float("inf"):
        raise InputError(f"--per: expected a number of tokens > 0, such as 1e6, got {per:g}")


def a_token(given: dict[str, float], per: float) -> dict[str, float]:
    """Prices of one token, and of a call as it is."""
    return {name: price if name == "call" else price / per for name, price in given.items()}


def _a_word(option: str, text: str) -> str:
    from evo.errors import InputError
    from experiments.logs.columns import name

    try:
        return name(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}, got {text!r:.60}") from None


def _strip(log: Path, out: Path) -> None:
    from experiments.cli.output import expect_free
    from experiments.serving.log import strip

    expect_free("--strip", out)
    found = strip(log, out)
    print(f"Written to {out}, without {found} prompts and answers")


def until_ended(server: Server, host: str, what: str) -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP, which are the ways to end it."""
    try:
        _tell(server, host, what)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.end()


def _tell(server: Server, host: str, what: str) -> None:
    """Where it listens, and what that means if others can reach it."""
    from experiments.cli.output import say
    from experiments.serving.web import in_url, is_local

    if not is_local(host):
        say(
            f"note: whoever reaches {host}:{server.port} over the network can use this endpoint; there is no password "
            "and no encryption. --host 127.0.0.1 lets in this machine alone"
        )
    print(f"http://{in_url(host)}:{server.port}/v1\n{what}; Ctrl-C ends it", flush=True)


def _part(text: str, method: str, what: str) -> Any:
    """The part of a command line, as a call or as a grid's table."""
    from evo.errors import InputError
    from experiments.grids.extensions import build
    from experiments.grids.toml import part_of

    made = part_of(what, text, Path.cwd()) if text.lstrip().startswith("{") else build(text, Path.cwd())
    if isinstance(made, type) or not callable(getattr(made, method, None)):
        raise InputError(f"serve: expected a {what}, got {text!r:.80}; `llm-evo show` lists them")
    return made


def _write(folder: Path, blocks: Blocks, start: float, seed: int) -> None:
    """A program to begin with, and the evaluator that scores it."""
    import numpy as np

    from experiments.cli.output import expect_free
    from experiments.store.files import write_new
    from problems import BlockOneMax

    rng = np.random.default_rng(seed)
    correct = BlockOneMax(k=blocks.k, l=blocks.l, start=start).initial(1, rng)[0].tolist()
    for file, text in (("program.py", blocks.program(correct, rng)), ("evaluator.py", blocks.evaluator_source())):
        expect_free("--files", folder / file)
        folder.mkdir(parents=True, exist_ok=True)
        write_new(folder / file, text)
        print(f"Written to {folder / file}")
