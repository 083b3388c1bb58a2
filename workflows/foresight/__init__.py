"""Tell beforehand what a release would do: the product's machine and judges on traffic that was drawn or recorded."""
