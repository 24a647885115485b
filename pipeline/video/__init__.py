"""Pictures in and out: video files, folders of images, simulated cameras, JPEG, written videos and overlays."""
