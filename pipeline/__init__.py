"""The streaming library: records, buses, stores and runners."""
