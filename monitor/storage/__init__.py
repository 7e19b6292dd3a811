"""Everything the program remembers. Each module beside this one holds the queries of one noun."""

from monitor.storage.database import Database

__all__ = ["Database"]
