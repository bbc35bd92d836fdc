"""The command `llm-evo serve`: a simulated model behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.exits import plain_errors

if TYPE_CHECKING:
    from experiments.serving.program import Blocks
    from experiments.serving.web import Server


def serve(
    mutator: Annotated[str, typer.Argument(metavar="MUTATOR", help='As "FixKeep(fix=0.4, keep=0.95)".')],
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
        from experiments.cli.planning import pairs
        from experiments.serving.faults import Faults
        from experiments.serving.log import CallLog
        from experiments.serving.model import Model
        from experiments.serving.program import expect_blocks
        from experiments.serving.prompts.find import expect_reader
        from experiments.serving.serve import Endpoint
        from experiments.serving.web import Server

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
        _tell(server, host, f"{model}: {mutator} on {k} blocks")
        until_ended(server)
        told = endpoint.totals
        print(f"{told.requests} requests, {told.calls} calls, {told.tokens_in} tokens in, {told.tokens_out} out")


def until_ended(server: Server) -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP, which are the ways to end it."""
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.end()


def _tell(server: Server, host: str, what: str) -> None:
    """Where it listens, and what that means if others can reach it."""
    from experiments.cli.output import say
    from experiments.serving.web import is_local

    if not is_local(host):
        say(
            f"note: whoever reaches {host}:{server.port} over the network can use this endpoint; there is no password "
            "and no encryption. --host 127.0.0.1 lets in this machine alone"
        )
    address = f"[{host}]" if ":" in host else host
    print(f"http://{address}:{server.port}/v1  {what}; Ctrl-C ends it", flush=True)


def _part(text: str, method: str, what: str) -> Any:
    """The part of a command line."""
    from evo.errors import InputError
    from experiments.grids.extensions import build

    made = build(text, Path.cwd())
    if isinstance(made, type) or not callable(getattr(made, method, None)):
        raise InputError(f"serve: expected a {what}, got {text!r:.80}; `llm-evo show` lists them")
    return made


def _write(folder: Path, blocks: Blocks, start: float, seed: int) -> None:
    """A program to begin with, and the evaluator that scores it."""
    import numpy as np

    from experiments.cli.output import expect_free
    from problems import BlockOneMax

    rng = np.random.default_rng(seed)
    correct = BlockOneMax(k=blocks.k, l=blocks.l, start=start).initial(1, rng)[0].tolist()
    for file, text in (("program.py", blocks.program(correct, rng)), ("evaluator.py", blocks.evaluator_source())):
        expect_free("--files", folder / file)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
        print(f"Written to {folder / file}")
