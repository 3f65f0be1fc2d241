# The house: its shell, its pieces, days and hours.

moment-day = { $weekday ->
    [1] Mon
    [2] Tue
    [3] Wed
    [4] Thu
    [5] Fri
    [6] Sat
   *[7] Sun
} { $day } { $month ->
    [1] Jan
    [2] Feb
    [3] Mar
    [4] Apr
    [5] May
    [6] Jun
    [7] Jul
    [8] Aug
    [9] Sep
    [10] Oct
    [11] Nov
   *[12] Dec
}
moment-day-and-year = { $day } { $year }
moment-day-and-hour = { $day }, { $hour }
span-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
span-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
span-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}

product = Unstuck
skip-to-main = Skip to the main part
nav-label = Main
nav-counter = Counter
nav-cases = Cases
nav-inbox = Inbox
nav-callbacks = Callbacks
nav-task-forces = Task forces
nav-improvements = Improvements
nav-district = District
nav-figures = Figures
nav-accounts = Accounts
nav-tokens = Machine tokens
nav-consultations = Questions and day close
account-password = Change password
account-second-factor = Second factor
account-lock = Lock the screen
account-sign-out = Sign out
account-sign-in = Staff sign-in
switch-language = 中文
switch-language-label = Switch to Chinese
theme-label = Display
theme-auto = As the system
theme-light = Light
theme-dark = Dark
elder-on = Large type
elder-off = Usual type
footer-telephone = Telephone
footer-terms = This page collects nothing about you
fresh = As of { $at }
fresh-sequence = sequence { $sequence }
light-live = Live
light-polling = Refreshed now and then
light-away = The line is down; what you see may be old
light-off = Not live
changed-pill = Something changed. Refresh
page-next = Next page
page-first = Back to the first page
page-count = { $total ->
    [one] { $total } item
   *[other] { $total } items
}
pages-label = Pages
problem-home = To the start page
problem-number = Number for support
print = Print
draft-saved = Draft saved
draft-waiting = Draft not saved yet; it will be once the line is back
choose = Choose
chart-table = Show the numbers
state-overdue = Overdue
state-paused = Paused
figure-of = { $numerator } of { $denominator }
figure-interval = 95 % interval { $low }–{ $high }
figure-few = Few cases: read with care
figure-none = No data yet
figure-unit-days = working days
shortcut-search = Search
figure-definition = Definition
problem-away = The system cannot be reached
problem-away-do = Nothing that you typed is lost. Wait a moment and try again; if it stays away, call your administrator.
problem-missing = There is no such page
problem-missing-do = The address may be wrong, or there is no such record. Check the number, or begin at the start page.
problem-gone = The personal data was erased
problem-gone-do = The personal data of this case was erased by the rules and cannot be read again; what was done stays on record.
problem-forbidden = You may not see this page
problem-forbidden-do = You see the cases of your own center or department. If you need this one, ask the district coordinator.
problem-often = Too many attempts
problem-often-do = Wait a moment, then try again.
problem-busy = The system is busy
problem-busy-do = Data is being made ready, or there is much to do. Nothing is lost. Try again shortly.
problem-refused = This cannot be done now
problem-refused-do = The rules did not allow it, for this reason.
problem-broken = Something went wrong in the system
problem-broken-do = It is not your doing. Try again shortly; if it happens again, give the number below to your administrator.
problem-wait = Try again in about { $seconds } seconds.
problem-again = Try again

# A center with a server of its own: its line to the district
line-up = District connected
line-bringing = Going to the district: { $count }
line-down = Line down: { $count } waiting, go on registering
line-refused = Not accepted by the district: nothing is registered here
line-clock = This machine: { $clock }. Have it set before registering
line-arrived = Arrived at the district
line-still-here = Not at the district yet
