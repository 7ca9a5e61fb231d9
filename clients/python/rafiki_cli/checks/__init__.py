"""What `rafiki doctor` looks at; each check gives findings and raises nothing."""
