"""What stands in the module tree where a weight is packed: the same calls, through the packed ops."""

from collections.abc import Mapping

from torch import Tensor, nn

from dsvl2.kernels import ops
from dsvl2.kernels.packing import Format, PackedWeight
from dsvl2.model.moe import Routing


class PackedParameter(nn.Module):
    """A packed weight whose parts are buffers, so that they move and count like any."""

    def __init__(self, weight: PackedWeight) -> None:
        super().__init__()
        self.form: Format = weight.form
        self.rows, self.columns = weight.rows, weight.columns
        self._parts = tuple(weight.parts)
        for name, part in weight.parts.items():
            self.register_buffer(name, part)

    def forward(self) -> PackedWeight:
        """The weight as the ops take it."""
        parts: Mapping[str, Tensor] = {name: getattr(self, name) for name in self._parts}
        return PackedWeight(self.form, parts, self.rows, self.columns)


class QuantizedLinear(nn.Module):
    """nn.Linear with a packed weight."""

    def __init__(self, weight: PackedWeight, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.packed = PackedParameter(weight)
        self.bias = bias
        self.in_features, self.out_features = weight.columns, weight.rows

    @property
    def held(self) -> PackedWeight:
        """The weight, for kernels that do more than multiply."""
        return self.packed()

    def forward(self, x: Tensor) -> Tensor:
        return ops.packed_linear(x, self.packed(), self.bias)


class QuantizedExperts(nn.Module):
    """`moe.Experts` with packed stacks."""

    def __init__(self, gate_up: PackedWeight, down: PackedWeight) -> None:
        super().__init__()
        self.gate_up, self.down = PackedParameter(gate_up), PackedParameter(down)

    @property
    def pair(self) -> ops.Pair:
        """Both stacks, as `ops.moe_layer` takes them."""
        return self.gate_up(), self.down()

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        return ops.packed_experts(x, routing.idx, routing.weight, self.gate_up(), self.down())
