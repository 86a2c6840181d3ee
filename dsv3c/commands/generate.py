"""``dsv3c generate``: continue token sequences with a phased program over a paged latent cache."""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsv3c.ir.errors import UsageError
from dsv3c.options import add_fidelity

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from dsv3c.backends.reference.runtime.experts import ExpertCache
    from dsv3c.backends.reference.runtime.generate import Engine, GenerateOptions
    from dsv3c.backends.reference.weights import Weights
    from dsv3c.programs import Program
    from dsv3c.text import Tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    from dsv3c.commands.compile import layer_range
    from dsv3c.commands.run import token_ids

    parser.add_argument(
        "program", metavar="OUT|FILE.mlir|MODEL", help="an artifact, a phased module, or a model to compile first"
    )
    parser.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="repeat for more sequences")
    parser.add_argument(
        "--chat",
        action="store_true",
        help="each --prompt is a question for the checkpoint's chat template",
    )
    parser.add_argument(
        "--messages",
        action="append",
        default=[],
        type=Path,
        metavar="FILE.json",
        help="a conversation for the chat template: a list of {role, content}",
    )
    parser.add_argument(
        "--tokens", action="append", default=[], type=token_ids, metavar="1,2,3", help="token ids in place of text"
    )
    parser.add_argument("--max-new-tokens", type=int, default=32, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: the program's, else random)")
    parser.add_argument(
        "--speculative", action="store_true", help="draft a token per step by multi-token prediction, and verify it"
    )
    parser.add_argument("--layers", metavar="A:B", type=layer_range, help="of MODEL, only the layers A up to B")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest token (default)")
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="draw from the K likeliest; 0: from all")
    parser.add_argument("--top-p", type=float, default=1.0, metavar="P", help="draw from the likeliest that reach P")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of sampling and of random weights")
    parser.add_argument("--chunk", type=int, default=512, metavar="N", help="prompt tokens per step, at most")
    parser.add_argument(
        "--expert-memory",
        metavar="8GiB",
        help="read experts from the checkpoint when they are used; keep so much of them",
    )
    parser.add_argument("--pages", type=int, metavar="N", help="cache pages per layer (default: as many as needed)")
    parser.add_argument(
        "--eos", action="append", type=int, metavar="ID", help="token that ends a sequence (default: the checkpoint's)"
    )
    add_fidelity(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read or compile, check, generate, print."""
    if not arguments.prompt and not arguments.tokens and not arguments.messages:
        raise UsageError("nothing to continue", hint="give --prompt TEXT or --tokens 1,2,3; repeat for more sequences")
    if arguments.chat and not arguments.prompt:
        raise UsageError("--chat says how a --prompt is read, and there is none", hint="give --prompt TEXT")
    if arguments.pages is not None and arguments.pages < 1:
        raise UsageError(f"--pages {arguments.pages}: must be at least 1")
    from dsv3c.backends.reference.alike import executor_for
    from dsv3c.backends.reference.executor import Executor
    from dsv3c.backends.reference.expert_params import with_expert_budget
    from dsv3c.programs import check_memory
    from dsv3c.runtime import Engine, GenerateOptions, SamplingOptions, phase_entries, speculative_engine, user_errors
    from dsv3c.text import end_tokens

    with user_errors():
        sampling = SamplingOptions(arguments.temperature, arguments.top_k, arguments.top_p, arguments.seed)
        limits = GenerateOptions(arguments.max_new_tokens, arguments.chunk, sampling=sampling)
    program, own = read_or_compile(arguments)
    entry = phase_entries(program.module)[-1].name
    checkpoint = arguments.weights if arguments.weights is not None else program.checkpoint
    prompts, tokenizer = read_prompts(arguments, checkpoint)
    pages = pages_for(program, [prompt.ids for prompt in prompts], arguments.max_new_tokens)
    cache = expert_cache(program.module, arguments.expert_memory)
    check_memory(program.module, entry, expert_memory=cache.budget_bytes if cache is not None else None)
    weights = own or program.weights(entry, folder=arguments.weights, seed=arguments.seed)
    if checkpoint is None and own is None:
        print(f"no checkpoint is given: weights are random, from seed {arguments.seed}", file=sys.stderr)
    executor = executor_for(program.module, weights, arguments.fidelity)
    if cache is not None:
        assert isinstance(executor, Executor), "one rank"
        with_expert_budget(executor, weights, cache)
    make = speculative_engine if arguments.speculative else Engine
    engine = make(program.module, executor, pages=arguments.pages or pages)
    eos = frozenset(arguments.eos) if arguments.eos is not None else end_tokens(checkpoint)
    options = replace(limits, eos=eos)
    produce(engine, prompts, options, tokenizer)
    if cache is not None:
        print(cache.line(), file=sys.stderr)
    return 0


def expert_cache(module: "ModuleOp", budget: str | None) -> "ExpertCache | None":
    """What holds experts; None without a budget.

    Raises UsageError for one that is no amount of memory, and for programs whose experts cannot be read one by one.
    """
    from dsv3c.backends.reference.by_expert import check_readable
    from dsv3c.backends.reference.runtime.experts import ExpertCache, num_bytes
    from dsv3c.ir.dialects.comm import num_ranks
    from dsv3c.runtime import user_errors

    if budget is None:
        return None
    if (ranks := num_ranks(module)) > 1:
        raise UsageError(f"--expert-memory is for one rank; the program has {ranks}", hint="leave one of them out")
    check_readable(module)
    with user_errors():
        return ExpertCache(num_bytes(budget))


def read_or_compile(arguments: argparse.Namespace) -> "tuple[Program, Weights | None]":
    """The program, and the values of a user's own model where it has any.  Raises as reading and compiling do."""
    from dsv3c.artifact import is_artifact
    from dsv3c.backends.reference.weights import StateDictWeights
    from dsv3c.compilation.compiler import compile_model
    from dsv3c.compilation.observers import progress
    from dsv3c.compilation.reading import checkpoint_of
    from dsv3c.compilation.request import Request
    from dsv3c.frontend.sources import is_text
    from dsv3c.programs import Program, read_program

    path = Path(arguments.program)
    if is_text(arguments.program) or is_artifact(path):
        if arguments.layers is not None:
            raise UsageError(f"--layers is a choice of the capture; {path} is captured already", hint="leave it out")
        return read_program(path), None
    point: dict[str, object] = {"speculative": True} if arguments.speculative else {}
    request = Request(
        model=arguments.program, target="cpu", layers=arguments.layers, weights=arguments.weights, point=point
    )
    with progress(f"compiling {request.model}") as tell:
        compiled = compile_model(request, progress=tell)
    for warning in compiled.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    checkpoint = checkpoint_of(request)
    state = compiled.captured.state if compiled.captured is not None else {}
    own = StateDictWeights(state) if state and checkpoint is None else None
    return Program(path, compiled.ctx, compiled.module, checkpoint), own


def pages_for(program: "Program", prompts: list[list[int]], max_new_tokens: int) -> int:
    """Cache pages that hold all sequences to their ends.

    Raises UsageError for token ids, lengths and numbers of sequences that the program does not take.
    """
    from dsv3c.inputs import vocabulary
    from dsv3c.ir.dialects.core import symbols_of
    from dsv3c.ir.functions import functions
    from dsv3c.passes.phases import SEQUENCES, TABLE_PAGES
    from dsv3c.runtime import phase_entries

    entry, symbols = phase_entries(program.module)[-1], symbols_of(program.module)
    function = functions(program.module)[entry.name]
    size = vocabulary(function, function.body.block.args[0])
    for token in (token for prompt in prompts for token in prompt):
        if not 0 <= token < size:
            raise UsageError(f"token id {token} is not in the vocabulary", hint=f"ids are 0..{size - 1}")
    page_size = entry.caches[0].page_size.data if entry.caches else 1
    pages = [-(-(len(prompt) + max_new_tokens) // page_size) for prompt in prompts]
    longest = symbols[TABLE_PAGES].bounds()[1]
    if longest is not None and max(pages) > longest:
        raise UsageError(
            f"a prompt of {max(map(len, prompts))} tokens and {max_new_tokens} new ones do not fit into the program's "
            f"{longest * page_size} positions",
            hint="ask for fewer new tokens, or compile with a larger --max-context",
        )
    most = symbols[SEQUENCES].bounds()[1]
    if most is not None and len(prompts) > most:
        raise UsageError(
            f"{len(prompts)} sequences; the program takes {most}", hint="compile with a larger --max-batch"
        )
    return sum(pages)


@dataclass(frozen=True)
class Prompt:
    """What a sequence starts with."""

    ids: list[int]
    as_text: bool = False
    """Whether text was given, so that text is printed; else token ids."""
    is_chat: bool = False
    """Whether only the answer is printed."""

    def printed(self, made: list[int], tokenizer: "Tokenizer | None") -> str:
        """A line for this sequence, once it is complete."""
        if not self.as_text or tokenizer is None:
            return ",".join(map(str, made))
        whole = tokenizer.decode(self.ids + made)
        return whole[len(tokenizer.decode(self.ids)) :] if self.is_chat else whole


def read_prompts(arguments: argparse.Namespace, checkpoint: Path | None) -> "tuple[list[Prompt], Tokenizer | None]":
    """What to continue, in the order texts, conversations, token ids.  Raises as tokenizers and templates do."""
    from dsv3c.chat import ChatTemplate, read_messages, user_message
    from dsv3c.text import read_tokenizer

    token_ids = [Prompt(list(ids)) for ids in arguments.tokens]
    if not arguments.prompt and not arguments.messages:
        return token_ids, None
    chats = [read_messages(file) for file in arguments.messages]
    if arguments.chat:
        chats = [*(user_message(text) for text in arguments.prompt), *chats]
    template = ChatTemplate(checkpoint) if chats else None
    tokenizer = read_tokenizer(checkpoint, option="--prompt" if arguments.prompt else "--messages")
    texts = [] if arguments.chat else [Prompt(tokenizer.encode(text), as_text=True) for text in arguments.prompt]
    # a template writes the special tokens itself
    asked = [
        Prompt(tokenizer.encode(template.text(chat), special=False), as_text=True, is_chat=True)
        for chat in chats
        if template is not None
    ]
    return [*texts, *asked, *token_ids], tokenizer


def produce(engine: "Engine", prompts: list[Prompt], options: "GenerateOptions", tokenizer: "Tokenizer | None") -> None:
    """Generate and print: the text of one sequence as it is made, that of several at the end."""
    from dsv3c.runtime import generate
    from dsv3c.text import Stream

    def write(text: str) -> None:
        print(text, end="", flush=True)

    stream = None
    if tokenizer is not None and len(prompts) == 1:
        stream = Stream(tokenizer, write, list(prompts[0].ids), skip_prompt=prompts[0].is_chat)
    on_token = (lambda _, token: stream.add(token)) if stream is not None else None
    made = generate(engine, [prompt.ids for prompt in prompts], options, on_token=on_token)
    if stream is not None:
        stream.end()
        print()
    else:
        for prompt, new in zip(prompts, made, strict=True):
            print(prompt.printed(new, tokenizer))
    print("\n".join(engine.statistics.lines()), file=sys.stderr)
