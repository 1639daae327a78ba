"""Boundaries to answers: which kelurahan a position lies in, and how sure that is.

Knows nothing of reports, the web or AWS. Importing it, and asking it, needs the standard
library only; making an index (`python -m geo build`) needs shapely and numpy, `geo.bulk` numpy.
"""

from geo.facts import Kelurahan
from geo.index import IndexFileError
from geo.locate import Locator, Place, build_folder, default_locator, locate

__all__ = ["IndexFileError", "Kelurahan", "Locator", "Place", "build_folder", "default_locator", "locate"]
