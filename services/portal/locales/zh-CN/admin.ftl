# Accounts.

accounts-title = 账号
accounts-search = 姓名、用户名、角色或单位
accounts-none = 没有找到账号
accounts-add = 新增账号
accounts-added = 已新增账号 { $who }。
accounts-changed = 已修改账号 { $who }，对方需重新登录。
accounts-removed = 已移除账号 { $who }。
accounts-password = 已为 { $who } 设置新密码，对方需重新登录。
account-role = 角色
account-role-missing = 请选择角色
account-place = 单位
account-place-hint = 窗口人员、中心主任要选中心；承办人、部门负责人要选部门
account-center = 中心
account-center-missing = 这个角色要选中心
account-department = 部门
account-department-missing = 这个角色要选部门
account-disabled = 已停用
account-first-password = 初始密码
account-username-taken = 这个用户名已有人用，请换一个
account-since = 开通日期
account-change = 修改
account-change-hint = 保存后，对方的登录会退出，重新登录即可。
account-save = 保存
account-new-password = 忘记密码
account-set-password = 设置新密码
account-remove = 移除账号
account-remove-hint = 移除后不能再登录；办过的事项记录都在。
account-remove-ask = 移除 { $name } 的账号？
account-keep = 不移除，返回
accounts-second-factor = 已重置 { $who } 的双因素认证，对方需重新登录。
account-second-factor-reset = 重置双因素认证
account-second-factor-hint = 对方手机和恢复码都丢失时使用。请先当面核实身份；重置后对方的登录会退出。

# The audit.

nav-audit = 审计
audit-title = 操作记录
audit-none = 没有符合条件的记录
audit-all = 查看全部
audit-kind = 做了什么
audit-from = 从
audit-to = 到
audit-at = 时间
audit-who = 谁
audit-detail = 说明
audit-case = 事项
audit-open = 打开
audit-refusal = { $wish }：{ $why }
audit-kind-personal_data_read = 查看个人信息
audit-kind-personal_data_erased = 删除个人信息
audit-kind-refused = 被拒绝的操作
audit-kind-register_exported = 导出登记簿
audit-kind-signed_in = 登录
audit-kind-signed_out = 退出
audit-kind-sign_in_throttled = 登录过于频繁
audit-kind-sign_in_refused = 登录失败
audit-kind-session_locked = 锁屏
audit-kind-session_unlocked = 解锁
audit-kind-unlock_refused = 解锁失败
audit-kind-password_changed = 修改密码
audit-kind-staff_added = 新增账号
audit-kind-staff_changed = 修改账号
audit-kind-staff_password_set = 重设密码
audit-kind-staff_removed = 移除账号
audit-kind-second_factor_enrolled = 启用双因素认证
audit-kind-second_factor_refused = 验证码不对
audit-kind-staff_second_factor_reset = 重置双因素认证
audit-kind-token_added = 新建机器令牌
audit-kind-token_revoked = 撤销机器令牌
audit-kind-first_account_made = 建立首个账号

# What nobody can read.
nav-quarantine = 读不出的记录
quarantine-title = 读不出的记录
quarantine-lead = 这些记录系统读不懂，已单独放着，没有丢；其他事项照常办理。请把这一页告诉系统维护人员。
quarantine-none = 没有读不出的记录
quarantine-what = 记录
quarantine-why = 为什么读不出
quarantine-since = 从什么时候起

# Tokens of machines.

tokens-title = 机器令牌
tokens-text = 供本区其他系统只读调用接口：统计、台账、实时动态等。令牌看不到申请人的真实信息，也不能办理任何事项。
tokens-none = 还没有令牌
tokens-add = 新建令牌
tokens-made = 令牌已建立
tokens-made-once = 请立即复制保存，本页关闭后无法再次查看：
tokens-revoked = 令牌 { $name } 已撤销，立即失效。
token-name = 用途名称
token-name-hint = 1 到 40 个小写字母、数字或 -，例如 reports
token-role-hint = 令牌能看到的范围与该角色相同
token-scopes = 可读内容
token-scopes-missing = 请至少选择一项可读内容
token-days = 有效天数
token-days-wrong = 请填 1 到 400 天
token-expires = 有效期至
token-expired = 已过期
token-end = 操作
token-revoke = 撤销
