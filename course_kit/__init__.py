"""Pictures, QR codes and checks shared by notebooks, tests and the command line."""
