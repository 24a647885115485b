"""The pure heart: values, skeletons, geometry, stage protocols, the driver and the ports. NumPy and the standard library only."""
