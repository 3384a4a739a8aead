"""The spatial text of a page: what was read, with its places, in the form that the embedded model answers from."""

from dsvl2.pipelines.spatial.locate import locate
from dsvl2.pipelines.spatial.segments import segments_of
from dsvl2.pipelines.spatial.text import printable, spatial_page, spatial_text
from dsvl2.pipelines.spatial.types import Located, Segment, SpatialText

__all__ = ["Located", "Segment", "SpatialText", "locate", "printable", "segments_of", "spatial_page", "spatial_text"]
