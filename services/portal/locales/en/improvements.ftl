# What recurs, what is changed, and the cases to go by.

improvements-title = Improvements
improvements-lead = Three cases of one matter, department and cause within 30 days open an improvement by themselves, so that nobody has to come again for the same reason.
improvements-states = By state
improvements-all = All
improvements-none = No improvement here
improvements-state-opened = Action wanted
improvements-state-action_set = Being changed
improvements-state-done = Changed, to be verified
improvements-state-verified = Has helped
improvements-state-not_held = Has not helped
improvements-window = { $count } cases from { $from } to { $to }
improvements-cases = The { $count } cases
improvements-case = Case { $number }
improvements-opened = Opened
improvements-action = Action
improvements-done = Changed
improvements-helped = Has it helped?
improvements-holds = It has helped
improvements-not = It has not helped
improvements-counts = { $before } cases in the { $before_days } days before, { $after } in the { $after_days } days after
improvements-do-action = Decide what is changed
improvements-do-done = Say what was changed
improvements-do-verify = Verify
improvements-what = What is to be changed
improvements-owner = By whom
improvements-due = By when
improvements-result = What was changed
improvements-note = Note
improvements-missing = This is needed
precedents-title = Precedents
precedents-lead = Cases of the same kind that were solved or explained, to go by; retired when a policy changes.
precedents-none = No precedent fits
precedents-find = Search
precedents-conditions = Conditions
precedents-solution = What was done
precedents-retired = Retired
precedents-applied = { $count ->
    [one] Applied once
   *[other] Applied { $count } times
}
