"""May this Open Payments request pass?"""
