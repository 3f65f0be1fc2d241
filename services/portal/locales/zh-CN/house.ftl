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
nav-accounts = 账号
nav-consultations = 咨询日结
account-label = 我的账号
account-password = 修改密码
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
problem-back = 返回上一页
problem-home = 回到首页
problem-number = 报障编号
print = 打印
copy = 复制
copied = 已复制
draft-saved = 草稿已保存
draft-waiting = 草稿未保存，连上后自动保存
submitting = 正在提交…
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
