"""Real cameras for tests: an RTSP server, a proxy that breaks connections, clips and a watcher."""
