"""What Tucker is compared with: other ways to store a weight, trained, rounded and coded alike."""
