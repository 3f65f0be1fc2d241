# The page of a case.

in-brackets = {" "}({ $text })
quoted = “{ $text }”
policy = { $title } { $number } { $article }
policy-since = {" "}(in force from { $day }{" "}{ $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}{" "}{ $year })
list-comma = { ", " }
list-semicolon = { "; " }
party-coordinator = The district coordinator
party-callback = The callback officer
party-applicant = The applicant
case-step-between = { ": " }
case-next = Next step
case-ended = It has an outcome; nothing waits to be done.
case-closed = Closed; nothing waits to be done.
case-by = by { $at }
case-words = In the applicant's words
case-adds = The counter adds: { $text }
case-ping-pong = Sent back and forth
case-reopened = Reopened
case-quarantined = One record cannot be read
deadline-left = { $days ->
    [one] { $days } working day left
   *[other] { $days } working days left
}
deadline-today = due today at { $hour }
deadline-late = { $days ->
    [one] { $days } working day late
   *[other] { $days } working days late
}
deadline-late-today = late since today
case-deadline = Promised for
case-first-promise = First promised for
case-provisional = The calendar is not published up to this day yet; it may move.
case-paused-since = since
case-extended = Extended by { $days } working days
case-why = How this day was counted
case-days-off = Passed over: { $days }
case-make-up = Make-up working days: { $days }
case-calendar = Calendar
case-history = What happened
case-history-away = The history cannot be read at the moment; please reload later.
case-history-cut = These are the first 100 entries.
case-whose = Whose it is
case-department = Department
case-handler = Handler
case-window = Window
case-co-departments = With
case-first = First receiver
case-opened = Registered
case-imported = Taken over from row { $row } of an earlier register; what was promised before is in no figure
case-stage = Stuck at
case-cause = Cause
case-complexity = Complexity
case-channel = Channel
case-attempts = Came before
case-times = { $times ->
    [one] { $times } time
   *[other] { $times } times
}
case-applicant = Applicant
case-name = Name
case-phone = Telephone
case-id-number = ID number
case-address = Address
case-care = Needs care
case-erased = The personal data was deleted.
reveal = Show in full
reveal-hint = Looking leaves a record: who, when and why.
reveal-purpose = Why do you have to see it?
reveal-purpose-missing = Choose why you have to see it
reveal-contact = To contact the applicant
reveal-identity = To check who it is
reveal-delivery = To deliver the outcome
reveal-other = To check the papers
reveal-send = Show
reveal-noted = This look was recorded.
case-papers = Receipt
case-receipt-code = Receipt code
case-receipt = Print the receipt
case-public-page = What the applicant sees
case-linked = Linked cases
case-linked-elsewhere = A case elsewhere, not yours to see
case-outcome = Outcome
case-outcome-kind = Outcome
case-outcome-at = Ended
case-on-time = On time
case-late = Late
case-resolution = How
case-result = What was done
case-exclusion = Not taken on because
case-remedy = Where to go instead
case-said = What the applicant says
case-rectification = Put right
case-rectify-contact = the applicant has to be spoken to by { $at }
case-rectify-done = to be put right by { $at }
case-done = Done
case-not-doable = Why it cannot be done
case-basis = Policy basis
case-facts = Facts
case-instead = What to do instead
case-determined-by = Determined by
case-countersigned-by = Countersigned by
case-session = Session { $number }
case-understood = Understood: { $how }
case-documents = Documents: { $documents }
case-remedies = Remedies: { $remedies }
case-task-force = Task force
case-force-why = Convened because
case-force-aim = To settle
case-force-chair = Chair
case-force-members = Members
case-force-since = Since
case-force-end = Dissolved
case-force-actions = Actions
case-first-meeting = First meeting by { $at }
case-meeting = Meeting { $number }
case-special = Special handling
case-waived = Requirement waived
case-discretion = Basis for discretion
case-decision = Decision
case-approved = Approved
case-refused = Refused
case-look-back = Look back by
case-checked = Checked
case-to-check = To be checked
case-joint = Joint parts
case-requests = Papers asked for
case-handed-in = Handed in
case-returns = Returns and ruling
case-suggests = Suggests { $department }
case-ruled = Ruled to be with
