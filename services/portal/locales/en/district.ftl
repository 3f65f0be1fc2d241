# The district: dashboard, wall, lists behind figures.

district-title = District dashboard
district-title-own = Figures
district-own-said = of the cases that you may see
district-all-small = Every group has fewer than five cases, and is not told apart.
district-wall = Wall
district-rates = The three rates, and on time
district-standing = How it stands now
district-overdue = Overdue
district-soon = Due soon
district-due = Due
district-nothing-urgent = None. Good.
district-whole-list = The whole list
district-trend = Trend
district-trend-rates = The three rates, by month
district-trend-cases = Cases taken on, by month
district-month = { $month ->
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
district-month-head = Month
district-blockages = Where matters are stuck
district-cause = Cause
district-suppressed = “·” stands for fewer than five, which are not told apart
district-not-narrowed = Not narrowed down
district-jump = Jump to
district-lead-times = Lead times in working days
district-complexity = Kind
district-median = Median
district-ninety = 90th percentile
district-few = Few
district-many = many (at most { $most })
district-left-out = { $count ->
    [one] one more cause has fewer than five everywhere
   *[other] { $count } more causes have fewer than five everywhere
}
district-no-cases = Nothing was taken on in this period.
district-by-matter = By matter
district-by-department = By department
district-by-center = By center
district-nobody-yet = With nobody yet
district-returns = Who sends what back to whom
district-returns-read = Rows send back, columns are where they say it belongs
district-from = Sent back by
district-nobody-named = Nobody named
district-no-returns = Nothing was sent back in this period.
district-both-ways = Sent back and forth
district-heartbeat = Do the centers report?
district-silent = { $count ->
    [one] One center was
   *[other] { $count } centers were
} silent on the last working day, which is not zero:
district-and = {", "}
district-center = Center
district-last-days = The last ten working days
district-today = Questions today
district-open = Open
district-overdue-short = Overdue
district-closed = day closed
beat-reported = reported
beat-late = late
beat-silent = silent
beat-pending = not over yet
district-beat = { $day } { $word }, { $count ->
    [one] one question
   *[other] { $count } questions
}
district-departments = The departments
district-department = Department
district-dwell = Mean stay (working days)
district-last-event = Last event
district-time = How long it takes
district-dispatch = Taken on and handed over
district-outcome = How it ends
district-help = Task forces and special handling
district-questions = Questions and reports
district-integrity = What could flatter the rates
district-integrity-why = Each of these is allowed. When there are unusually many, look.
district-practice = Practice
district-times = Times
district-could-flatter = The rates it could flatter
district-topics = What people ask
district-no-questions = No questions in this period.
district-feed = What happens now
district-feed-empty = Nothing new at the moment.
district-troubles = Before you read the numbers
district-bus-away = The bus does not answer: what follows is from before.
district-rebuilding = Views are being rebuilt, { $percent } % done; what follows is from before.
district-behind = The numbers are { $seconds } seconds behind.
district-quarantined = { $count ->
    [one] One event
   *[other] { $count } events
} cannot be read and { $count ->
    [one] is
   *[other] are
} not counted; somebody was told.
district-incident = Something is wrong with the views; somebody was told.
district-lag-unknown = It is not known how fresh this is
district-lag-unknown-do = See the foot of the page for the time of the data.
district-unanswered = This part did not come; the other numbers stand.
district-period = Period
district-days = { $days ->
    [365] A year
   *[other] { $days } days
}
district-period-said = { $from } to { $to }
district-as-of-said = as it stood on { $day }
district-choose = Choose days, an instant, whose cases
district-from-day = From
district-to-day = To
district-as-of-day = As of the end of
district-all = All
district-look = Look
district-reset = Reset
district-back = Back to the dashboard
behind-sides = Which side
behind-numerator = Counted
behind-denominator = Out of
behind-counted = { $items } listed, { $counted } counted
behind-empty = Nothing is listed
behind-empty-do = Try another period, or go back.
behind-day = Day
behind-case = Case
behind-state = State
behind-in-cases = See them in the list of cases
wall-title = On the wall
wall-leave = Leave the wall
event-opened = taken on
event-declined = declined
event-forwarded = handed over
event-accepted = signed for
event-applicant-contacted = applicant contacted
event-returned = sent back
event-arbitrated = ruled on
event-joint-handling-assigned = parts assigned
event-part-completed = a part was done
event-materials-requested = papers asked for
event-materials-received = papers received
event-progress-noted = progress noted
event-task-force-convened = task force convened
event-task-force-met = task force met
event-task-force-action-done = an action was done
event-task-force-dissolved = task force dissolved
event-special-handling-requested = special handling requested
event-special-handling-checked = special handling checked
event-special-handling-decided = special handling decided
event-special-handling-reviewed = special handling reviewed
event-not-doable-determined = found not doable
event-explained = explained
event-resolved = resolved
event-clock-paused = clock paused
event-clock-resumed = clock runs again
event-deadline-extended = extended
event-deadline-recalculated = due date counted again
event-reclassified = reclassified
event-escalated = escalated
event-feedback-recorded = feedback recorded
event-rectification-opened = rectification opened
event-rectification-completed = rectification done
event-reopened = reopened
event-withdrawn = withdrawn
event-transferred = transferred
event-closed = closed
event-corrected = corrected
event-linked = linked
event-urged = urged
event-personal-data-erased = personal data erased
district-line = Line
line-state-up = Up
line-state-down = Down
line-state-never = Never
line-lag = { $count } not arrived
line-clock-ahead = Clock { $span } ahead
line-clock-behind = Clock { $span } behind
line-trouble = Look into it
case-arrived-late = Registered while the line was down: { $registered }, arrived { $arrived }; the promise counts from when it was registered
case-came-late = { $span } late from its center
case-clock-off = { $clock } at the center when this arrived: the time of registration is by that clock; the promise on the receipt counts
