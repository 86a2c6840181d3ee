"""What generation did, counted and as text."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter


@dataclass
class StepStatistics:
    """Counts of one engine.  Decoding starts after the first new token, which the prompt's own step gives."""

    prefill_tokens: int = 0
    decode_tokens: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    steps: dict[str, int] = field(default_factory=dict[str, int])
    """Entry name -> how often it ran."""
    launches: int = 0
    """Kernels started: on the CPU, calls of meanings."""
    decode_steps: int = 0
    """Steps of all sequences together while decoding."""
    decode_turns: int = 0
    """Sequences in these steps, summed."""
    decode_calls: int = 0
    """Entries that ran in these steps."""
    decode_launches: int = 0
    drafted: int = 0
    """Tokens that were drafted and verified."""
    accepted: int = 0
    """Those that the model would have made itself."""

    def ran(self, name: str, launches: int) -> None:
        """An entry ran."""
        self.steps[name] = self.steps.get(name, 0) + 1
        self.launches += launches

    @property
    def calls(self) -> int:
        """How often entries ran."""
        return sum(self.steps.values())

    @property
    def tokens_per_step(self) -> float:
        """New tokens of a sequence per decoding step it took part in."""
        return self.decode_tokens / self.decode_turns if self.decode_turns else 0.0

    @property
    def acceptance(self) -> float:
        """Accepted drafts, as a share of the drafted ones."""
        return self.accepted / self.drafted if self.drafted else 0.0

    @contextmanager
    def prefilling(self) -> Generator[None]:
        """Time the inside as the reading of a prompt."""
        start = perf_counter()
        yield
        self.prefill_seconds += perf_counter() - start

    @contextmanager
    def decoding(self) -> Generator[None]:
        """Time the inside, and count its calls, as decoding."""
        start, calls, launches = perf_counter(), self.calls, self.launches
        yield
        self.decode_seconds += perf_counter() - start
        self.decode_calls += self.calls - calls
        self.decode_launches += self.launches - launches

    def lines(self) -> list[str]:
        """Prompt and decoded tokens with their rates; steps and what one takes; of drafts, how many held."""
        steps = ", ".join(f"{name} {count}" for name, count in self.steps.items())
        told = [
            f"{self.prefill_tokens} prompt tokens in {rate(self.prefill_tokens, self.prefill_seconds)}, "
            f"{self.decode_tokens} decoded in {rate(self.decode_tokens, self.decode_seconds)}; steps: {steps}"
        ]
        if self.decode_steps:
            calls, launches = (count / self.decode_steps for count in (self.decode_calls, self.decode_launches))
            each = f" of {self.decode_launches / self.decode_calls:.0f} launches" if launches else ""
            told.append(f"{self.decode_steps} decoding steps, {calls:.2f} calls each{each}")
        if self.drafted:
            told.append(
                f"drafts: {self.accepted} of {self.drafted} accepted ({self.acceptance:.1%}); "
                f"{self.tokens_per_step:.2f} tokens per step and sequence, where plain decoding makes 1: "
                f"expected speed-up {self.tokens_per_step:.2f}x, less what drafting costs"
            )
        return told


def rate(count: int, seconds: float) -> str:
    """``0.40 s (77/s)``."""
    return f"{seconds:.2f} s ({count / seconds:.0f}/s)" if seconds else "0 s"
