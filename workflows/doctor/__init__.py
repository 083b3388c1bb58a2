"""Examine what a release needs before one is begun: `penstock doctor`. Nothing here changes anything anywhere."""
