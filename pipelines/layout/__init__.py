"""Page layout: from a grey page to bands a small model can read at once, and from the bands' texts back to blocks."""

from dsvl2.pipelines.layout.assemble import assemble, blocks_of, line_notices
from dsvl2.pipelines.layout.ink import PageInk
from dsvl2.pipelines.layout.page import analyse
from dsvl2.pipelines.layout.placing import PlacedLine
from dsvl2.pipelines.layout.straight import straightened
from dsvl2.pipelines.layout.types import Band, BandText, InkLine, PageLayout, Profile, Region
from dsvl2.pipelines.layout.words import with_words

__all__ = [
    "Band",
    "BandText",
    "InkLine",
    "PageInk",
    "PageLayout",
    "PlacedLine",
    "Profile",
    "Region",
    "analyse",
    "assemble",
    "blocks_of",
    "line_notices",
    "straightened",
    "with_words",
]
