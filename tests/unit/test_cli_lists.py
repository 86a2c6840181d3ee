"""The verbs that list: targets, passes, doctor; and help."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli import dsv3c, refused

from dsv3c.cli import VERBS
from dsv3c.compilation.known_passes import KNOWN
from dsv3c.doctor import described
from dsv3c.ir.targets import shipped_targets


def test_targets_say_what_works() -> None:
    lines = dsv3c("targets").out.splitlines()
    assert lines[0].split()[:4] == ["target", "plan", "reference", "kernels"]
    rows = {line.split()[0]: line.split()[1:4] for line in lines[1 : 1 + len(shipped_targets())]}
    assert rows.keys() == shipped_targets().keys()
    assert rows["cpu"] == ["yes", "yes", "-"]
    assert rows["h800"] == ["yes", "yes", "yes"]


def test_target_has_units_and_sources() -> None:
    out = dsv3c("targets", "h800").out
    assert re.search(r"^memory_bytes_per_s +3.35e\+12 +bytes/s +\S", out, re.M)
    assert re.search(r"^dense_flops_per_s\[bf16\] +9.89e\+14 +FLOP/s +\S", out, re.M)
    assert re.search(r"^num_compute_units +132 +\S", out, re.M)
    assert re.search(r"^group_alignment +128 +rows +\S", out, re.M)
    assert re.search(r"^group_alignment +32 64 128 +rows +\S", dsv3c("targets", "mi300x").out, re.M)
    assert "not stated: num_compute_units" in dsv3c("targets", "cpu").out


def test_target_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\ndescription = "my board"\nkind = "gpu"\narch = "x"\nbackends = ["plan"]\nmemory_bytes = 1000\n'
        '[dense_flops_per_s]\n[sources]\nmemory_bytes = "its manual"\ndense_flops_per_s = "none stated"\n'
    )
    assert re.search(r"^memory_bytes +1,000 +bytes +its manual$", dsv3c("targets", file).out, re.M)
    file.write_text('name = "mine"\n')
    refused("targets", file, status=2, says=["mine.toml", "'arch' is missing"])


def test_passes_are_listed_with_their_contract() -> None:
    lines = dsv3c("passes").out.splitlines()
    rows = {line.split()[0]: line.split()[1:4] for line in lines[1 : 1 + len(KNOWN)]}
    assert rows.keys() == {*KNOWN}
    assert rows["specialize-phases"] == ["raised", "phased", "reassociates"]
    assert rows["cse"] == ["-", "-", "bitwise"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_pass_describes_itself(name: str) -> None:
    out = dsv3c("passes", name).out
    assert f"``{name}``" in out
    assert "numerics: " in out
    assert "It has no options." in out or re.search(rf"^e\.g\. -p '{name}\{{", out, re.M)


def test_options_have_type_default_and_text() -> None:
    out = dsv3c("passes", "specialize-phases").out
    assert "page-size: int = 64\n    Token rows per cache page." in out
    assert "phases: tuple[str, ...] | str = prefill,decode\n" in out
    assert "variants: bool = true\n" in dsv3c("passes", "absorb-mla").out


PLUGIN = '''"""``my-pass``: does nothing."""
from dataclasses import dataclass
from dsv3c.passes.base import Pass

@dataclass(frozen=True)
class MyPass(Pass):
    """Count nothing."""
    name = "my-pass"
    limit: int = 3
    """Ops, at most."""
    def run(self, ctx, module):
        pass
'''


def test_plugins_are_listed_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    assert re.search(r"^my-pass +- +- +bitwise +Count nothing$", dsv3c("passes", "--load", file).out, re.M)
    assert "limit: int = 3\n    Ops, at most." in dsv3c("passes", "my-pass", "--load", file).out
    refused("passes", "my-pass", status=2, says=["unknown pass 'my-pass'"])


def test_doctor_reports_the_environment() -> None:
    done = dsv3c("doctor")
    assert done.status == 0, done
    assert re.search(r"^required +torch +ok +\d", done.out, re.M)
    assert re.search(r"^extra +hf +(ok|--) ", done.out, re.M)


@pytest.mark.parametrize(
    ("major", "says"),
    [(9, "sm_90: kernels of h100, h200, h800 run on it"), (7, "sm_70: no target's kernels run on it")],
)
def test_doctor_says_whose_kernels_a_device_runs(major: int, says: str) -> None:
    assert described(SimpleNamespace(name="A GPU", major=major, minor=0)) == f"A GPU ({says})"


def test_doctor_reports_what_keeps_a_model_from_being_captured(tmp_path: Path) -> None:
    file = Path(__file__).parents[1] / "models" / "buffer_cache.py"
    done = dsv3c("doctor", file)
    assert done.status == 1
    assert re.search(r"^model +capture +-- +\S*buffer_cache\.py:\d+", done.out, re.M)
    missing = dsv3c("doctor", tmp_path / "missing.py")
    assert missing.status == 1
    assert "there is no file" in missing.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        dsv3c_help(verb)
    assert done.value.code == 0
    assert f"usage: dsv3c {verb}" in capsys.readouterr().out


def dsv3c_help(verb: str) -> None:
    from dsv3c.cli import main

    main([verb, "--help"])


def test_overview_and_version() -> None:
    overview = dsv3c("--help")
    assert overview.status == 0
    assert all(f"  {verb} " in overview.out for verb in VERBS)
    assert dsv3c().status == 2
    assert re.fullmatch(r"dsv3c \d+\.\d+\.\d+\n", dsv3c("--version").out)
