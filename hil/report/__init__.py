"""What people read: the HTML report and terminal tables; reads records, reaches no instrument."""
