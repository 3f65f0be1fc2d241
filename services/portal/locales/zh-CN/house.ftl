# The house: its shell, its pieces, days and hours.

moment-day = { $month }月{ $day }日（{ $weekday ->
    [1] 周一
    [2] 周二
    [3] 周三
    [4] 周四
    [5] 周五
    [6] 周六
   *[7] 周日
}）
moment-day-and-year = { $year }年{ $day }
moment-day-and-hour = { $day }{ $hour }
span-minutes = { $count } 分钟
span-hours = { $count } 小时
span-days = { $count } 天

product = 办得成
skip-to-main = 跳到正文
nav-label = 主导航
nav-counter = 窗口登记
nav-cases = 事项
nav-inbox = 承办
nav-callbacks = 回访
nav-task-forces = 专班
nav-improvements = 改进
nav-district = 区级看板
nav-figures = 数据看板
nav-accounts = 账号
nav-tokens = 机器令牌
nav-consultations = 咨询日结
account-password = 修改密码
account-second-factor = 双因素认证
account-lock = 锁屏
account-sign-out = 退出
account-sign-in = 工作人员登录
switch-language = English
switch-language-label = 切换到英文
theme-label = 显示
theme-auto = 随系统
theme-light = 浅色
theme-dark = 深色
elder-on = 大字版
elder-off = 标准版
footer-telephone = 咨询电话
footer-terms = 本页不收集您的个人信息
fresh = 数据截至{ $at }
fresh-sequence = 序号 { $sequence }
light-live = 实时
light-polling = 定时刷新
light-away = 连接已断，数据可能不是最新
light-off = 静态页面
changed-pill = 有新变化，点此刷新
page-next = 下一页
page-first = 回到第一页
page-count = 共 { $total } 条
pages-label = 翻页
problem-home = 回到首页
problem-number = 报障编号
print = 打印
draft-saved = 草稿已保存
draft-waiting = 草稿未保存，连上后自动保存
choose = 请选择
chart-table = 查看数据表
state-overdue = 已超时
state-paused = 已暂停
figure-of = { $numerator } / { $denominator }
figure-interval = 95% 区间 { $low }–{ $high }
figure-few = 样本少，仅供参考
figure-none = 暂无数据
figure-unit-days = 个工作日
shortcut-search = 搜索
figure-definition = 口径
problem-away = 系统暂时连不上
problem-away-do = 您填写的内容没有丢。请稍等片刻再试；一直连不上时，请联系管理员。
problem-missing = 没有找到这一页
problem-missing-do = 地址可能有误，或这条记录不存在。请核对编号，或从首页重新进入。
problem-gone = 个人信息已删除
problem-gone-do = 该事项的个人信息已按规定删除，无法再查看；办理记录和统计仍保留。
problem-forbidden = 您没有查看这一页的权限
problem-forbidden-do = 只能查看本人中心、本部门的事项。确有需要，请与区级协调员联系。
problem-often = 操作太频繁
problem-often-do = 请稍等片刻再试。
problem-busy = 系统正忙
problem-busy-do = 数据正在准备或服务繁忙，没有内容丢失。请稍后再试。
problem-refused = 这一步现在不能做
problem-refused-do = 系统按规则没有受理，原因如下。
problem-broken = 系统出了问题
problem-broken-do = 不是您操作的问题。请稍后再试；如仍出现，请把下面的编号告诉管理员。
problem-wait = 约 { $seconds } 秒后可再试。
problem-again = 再试一次

# 自带服务器的中心：与区里的线路
line-up = 已连通区里
line-bringing = 正在送达区里：{ $count } 项
line-down = 线路中断：{ $count } 项待送达，可继续登记
line-refused = 区里未接纳本机，不能登记
line-clock = 本机{ $clock }：请管理员先校准再登记
line-arrived = 已送达区里
line-still-here = 尚未送达区里
