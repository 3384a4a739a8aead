"""The text that a PDF page carries: whether it can be trusted, and the blocks it makes. Knows no PDF library."""

from dsvl2.pipelines.textlayer.blocks import layer_result
from dsvl2.pipelines.textlayer.judge import judge
from dsvl2.pipelines.textlayer.types import LayerLine, LayerPage, Picture

__all__ = ["LayerLine", "LayerPage", "Picture", "judge", "layer_result"]
