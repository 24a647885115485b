"""What goes wrong with cameras, each kind against a real RTSP server or the proxy before it."""
