"""The scale at which print is read."""

from dsvl2.pipelines.layout.groups import wanted_scale


def test_capitals_and_figures_at_a_tight_pitch_are_read_as_large_as_prose_of_that_pitch(canvas):
    """A receipt printer's capitals reach three quarters of the pitch: no x-height does."""
    assert wanted_scale(37, 50, canvas) == wanted_scale(25, 50, canvas)
    assert wanted_scale(12, 32, canvas) == 1.0
