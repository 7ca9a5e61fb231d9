"""The MetaData that all of auth's tables share."""

from servicekit.tables import new_metadata

metadata = new_metadata()
