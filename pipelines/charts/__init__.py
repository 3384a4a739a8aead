"""Charts to data: text with places, marks by their geometry, printed values matched to marks, questions answered."""
