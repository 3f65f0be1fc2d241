# What waits for me.

inbox-title = Inbox
inbox-tabs = Kinds
inbox-mine = Waiting for me
inbox-open = Open
inbox-overdue = Overdue
inbox-paused = On hold
inbox-done = Done
inbox-nothing = Nothing waits for you
inbox-today = Due today
