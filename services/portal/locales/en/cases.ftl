# The list of cases.

cases-title = Cases
cases-none = No case fits
cases-all = Show all
cases-case = Case
cases-standing = State
cases-next = Next step
cases-due = Due
cases-filter = Narrow the list of cases
cases-q = Search
cases-center = Center
cases-sort = Order
cases-open = Open only
cases-overdue = Overdue only
cases-to-act = Waiting for me
cases-arrived-late = Arrived late only
cases-find = Apply
cases-any = Any
sort-due = Due first
sort-due-last = Due last
sort-opened-last = Newest first
sort-opened = Oldest first
