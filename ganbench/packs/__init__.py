"""Packs: many small trainings as one stacked program. Which runs share one (`grouping`), and how it is carried out."""
