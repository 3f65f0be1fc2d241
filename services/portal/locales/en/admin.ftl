# Accounts.

accounts-title = Accounts
accounts-search = Name, username, role or office
accounts-none = No account was found
accounts-add = Add an account
accounts-added = The account { $who } was added.
accounts-changed = The account { $who } was changed; its person signs in again.
accounts-removed = The account { $who } was removed.
accounts-password = { $who } has a new password and signs in again.
account-role = Role
account-role-missing = Choose a role
account-place = Office
account-place-hint = Clerks and directors belong to a center; handlers and department leads to a department
account-center = Center
account-center-missing = This role needs a center
account-department = Department
account-department-missing = This role needs a department
account-disabled = Disabled
account-first-password = First password
account-username-taken = The username is taken; choose another
account-since = Since
account-change = Change
account-change-hint = Saving ends the sessions of the account; its person signs in again.
account-save = Save
account-new-password = Forgotten password
account-set-password = Set a new password
account-remove = Remove the account
account-remove-hint = Nobody can sign in with it any more; what its person did stays on record.
account-remove-ask = Remove the account of { $name }?
account-keep = Keep it and go back
accounts-second-factor = The second factor of { $who } was taken away; they have to sign in again.
account-second-factor-reset = Take the second factor away
account-second-factor-hint = For somebody who has lost the phone and the recovery codes. Make sure who they are first; their sessions end.

# The audit.

nav-audit = Audit
audit-title = Audit
audit-none = No line fits
audit-all = Show all
audit-kind = What
audit-from = From
audit-to = To
audit-at = When
audit-who = Who
audit-detail = Detail
audit-case = Case
audit-open = Open
audit-refusal = { $wish }: { $why }
audit-kind-personal_data_read = Read personal data
audit-kind-personal_data_erased = Forgot a person
audit-kind-refused = Was refused
audit-kind-register_exported = Exported the register
audit-kind-signed_in = Signed in
audit-kind-signed_out = Signed out
audit-kind-sign_in_throttled = Tried to sign in too often
audit-kind-sign_in_refused = Failed to sign in
audit-kind-session_locked = Locked the screen
audit-kind-session_unlocked = Unlocked the screen
audit-kind-unlock_refused = Failed to unlock
audit-kind-password_changed = Changed the own password
audit-kind-staff_added = Added an account
audit-kind-staff_changed = Changed an account
audit-kind-staff_password_set = Set a password
audit-kind-staff_removed = Removed an account
audit-kind-second_factor_enrolled = Second factor enrolled
audit-kind-second_factor_refused = Wrong code
audit-kind-staff_second_factor_reset = Second factor taken away
audit-kind-token_added = Machine token made
audit-kind-token_revoked = Machine token revoked
audit-kind-first_account_made = Made the first account

# What nobody can read.
nav-quarantine = Unreadable
quarantine-title = Records that nobody can read
quarantine-lead = The house does not understand these records. They are set aside and not lost; all other cases go on. Show this page to whoever maintains the system.
quarantine-none = Every record can be read
quarantine-what = Record
quarantine-why = Why it cannot be read
quarantine-since = Since

# Tokens of machines.

tokens-title = Machine tokens
tokens-text = For other systems of the district that read over the API: figures, the register, the live feed. A token sees no applicant in clear and handles nothing.
tokens-none = There is no token yet
tokens-add = New token
tokens-made = The token is made
tokens-made-once = Copy it now; it cannot be shown again:
tokens-revoked = The token { $name } is revoked and opens nothing any more.
token-name = What it is for
token-name-hint = 1 to 40 lower-case letters, digits or -, such as reports
token-role-hint = The token sees as far as this role
token-scopes = What it may read
token-scopes-missing = Choose at least one
token-days = Days until it ends
token-days-wrong = 1 to 400 days
token-expires = Ends on
token-expired = ended
token-end = Action
token-revoke = Revoke
