"""The schedule of a weight's gradient: no op stands for it, so its choice function is asked directly."""

from benchmarks.hopper.choices import CHOSEN, PLAIN, Call
from benchmarks.hopper.data import Place
from dsv3c.backends.triton.choices.wgrad import Gradient, configs_for

LAUNCHER = "wgrad_mm.wgrad_mm"


def wgrad_calls(rows: int, columns: int, tokens: int, place: Place, experts: int = 1) -> dict[str, Call]:
    """Form -> call of ``y[rows, columns] += a[rows, tokens] b[columns, tokens]^T``, for every expert."""
    found = dict[str, Call]()
    gradient = Gradient(rows=rows, columns=columns, tokens=tokens, experts=experts, accumulate=True)
    for form, gluon in ((CHOSEN, place.target.warpgroup_products), (PLAIN, False)):
        configs, rejected = configs_for(gradient, place.target, num_sms=place.num_sms, gluon=gluon)
        reasons = tuple(f"{item.candidate}: {item.reason}" for item in rejected)
        call = Call(LAUNCHER, configs, {"accumulate": True}, rejected=reasons)
        if all(list(call.configs) != list(other.configs) for other in found.values()):
            found[form] = call
    return found
