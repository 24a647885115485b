"""The pure heart: values, skeletons, geometry, stages, driver, ports. NumPy and the standard library only."""
