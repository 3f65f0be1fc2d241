# The board: task forces, rulings, special handling.

forces-board = Task forces, rulings, special handling
forces-title = Task forces
forces-none = There is no task force at present
forces-objective = Objective
forces-since = Convened
forces-chair = Chaired by
forces-members = Members
forces-comma = {", "}
forces-meeting = { $count ->
    [one] One meeting, on { $at }
   *[other] { $count } meetings, the last on { $at }
}
forces-no-meeting = No meeting yet; the first is due by { $at }
forces-actions = What is promised and not done
rulings-title = To be ruled
rulings-none = Nothing waits for a ruling
rulings-suggested = They name { $department }
special-title = Special handling
special-none = No special handling is being checked
special-waived = What would be waived
special-facts = Circumstances
special-basis = On what it stands
special-layers = The four layers
special-checked = Checked
special-next = Its turn
special-later = After the others
