"""Lay values over those of the chart."""


def merge(defaults: object, values: object) -> object:
    """Lay values over the chart's own, as Helm does before it looks at the schema."""
    if not (isinstance(defaults, dict) and isinstance(values, dict)):
        return values
    return {**defaults, **{name: merge(defaults.get(name), value) for name, value in values.items()}}
