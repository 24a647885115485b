"""docker-compose.yml: its rules, checked in every run, and the whole of it brought up (`make test-compose`)."""
