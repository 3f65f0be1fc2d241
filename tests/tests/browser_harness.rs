//! The browser of the tests itself, on pages that this file serves: it finds what is wrong, and says nothing of what
//! is right. A harness that finds nothing would look like pages without fault.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use serde_json::json;
use unstuck_tests::browser::{Browser, Language, Looks, Page, Size, Theme, Walk};
use unstuck_tests::wait_until;

/// As strict as the product's own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'";

const RIGHT: &str = r#"<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>登记</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/own.css"><script src="/own.js" defer></script></head><body>
<header><a href="/slow">帮助</a></header><main><h1>办不成事登记</h1>
<form action="/got" method="get"><label for="matter">事项</label>
<input id="matter" name="matter" autocomplete="off"><button>登记</button></form>
<p id="late" hidden>已保存</p></main></body></html>"#;

const WRONG: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>登记</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/own.css"><script src="/wrong.js" defer></script></head><body><main>
<h1>一</h1><h1>二</h1><input name="unlabelled"><p class="pale">看不清的字</p>
<div class="wide">太宽</div><div><button class="small blind" type="button">小</button></div></main></body></html>"#;

const STYLE: &str = "body{font:16px/1.6 sans-serif;color:#111;background:#fff}
a,button,input{display:inline-block;min-width:44px;min-height:44px;box-sizing:border-box;line-height:44px}
:focus-visible{outline:3px solid #0550ae}
@media (prefers-color-scheme:dark){body{color:#eee;background:#111}a{color:#9cf}}
.pale{color:#ccc}.wide{width:1000px}.small{min-width:0;min-height:0;line-height:1;font-size:12px;padding:1px}
.blind:focus-visible{outline:none}
svg{width:30mm;height:30mm;display:block}@page{size:80mm 120mm;margin:3mm}";

const SCRIPT: &str = "document.title = 'script';
const heard = window.heard = [];
addEventListener('keydown', event => heard.push([event.key, event.isComposing, event.keyCode]));
setTimeout(() => { document.getElementById('late').hidden = false; }, 50);";

const WRONG_SCRIPT: &str = "console.error('it went wrong');
const picture = new Image(); picture.src = 'http://127.0.0.1:9/pixel.png';
throw new Error('and fell');";

/// Says `BCS-SAMPLE-01`.
const CODE: &[&str] = &[
    "#######.#.###.#######",
    "#.....#...#.#.#.....#",
    "#.###.#.#####.#.###.#",
    "#.###.#...###.#.###.#",
    "#.###.#...#.#.#.###.#",
    "#.....#.#.....#.....#",
    "#######.#.#.#.#######",
    ".........#.#.........",
    "#.#...##.####..#..#.#",
    ".###.#.####..#..#.###",
    "#######..##..#...#.#.",
    "##.###.#..#.#.###..##",
    "#..#..##.##..#...#...",
    "........#..#...##.##.",
    "#######.########...#.",
    "#.....#..#.#..###...#",
    "#.###.#....#####....#",
    "#.###.#..#.....####..",
    "#.###.#.#....###..###",
    "#.....#...#.#..##.#.#",
    "#######.##...##...###",
];

#[test]
fn a_browser_types_composes_waits_and_prints_under_a_strict_policy() {
    let origin = serve();
    let browser = Browser::start();
    let page = browser.page(&origin);

    assert_eq!(page.goto("/"), 200);
    page.wait_text("已保存");
    assert_eq!(page.evaluate("document.title"), "script");

    // An input method takes Enter for itself: the page hears it as composing, and the form stays.
    page.click("#matter");
    page.compose("ban", "办不成");
    assert_eq!(page.evaluate("document.activeElement.value"), "办不成");
    let enter = page.evaluate("heard.at(-1)");
    assert_eq!(enter, json!(["Enter", true, 229]));
    assert_eq!(page.path(), "/");
    page.type_text("a 1件.");
    assert_eq!(page.evaluate("document.activeElement.value"), "办不成a 1件.");
    page.fill("#matter", "退休");
    page.leads_on("Enter", || page.press("Enter"));
    assert!(page.text().contains("matter=%E9%80%80%E4%BC%91"), "{}", page.text());
    page.back();
    assert_eq!(page.path(), "/");
    page.goto("/");
    page.press("Tab");
    page.press("Tab");
    assert_eq!(page.evaluate("document.activeElement.id"), "matter");
    page.press("Shift+Tab");
    assert_eq!(page.evaluate("document.activeElement.localName"), "a");
    page.leads_on("the link", || page.click_text("帮助"));
    assert_eq!(page.goto("/missing"), 404);
    page.no_console_errors();
    page.no_request_left(&origin);

    // Without script the page is there, and nothing of the script's.
    page.without_script(true);
    page.goto("/");
    assert_eq!(page.evaluate("document.title"), "登记");
    page.without_script(false);

    the_language_and_the_theme_are_those_that_were_asked_for(&page);

    page.goto("/receipt");
    let paper = page.print_pdf();
    assert_eq!(paper.qr_codes(), ["BCS-SAMPLE-01"]);
    assert!(paper.text().contains("回执"), "{}", paper.text());
    assert_eq!(paper.sheets(), 1);
    let (width, height) = paper.millimetres();
    assert!((width - 80.0).abs() < 0.5 && (height - 120.0).abs() < 0.5, "{width} × {height}");

    // Another visitor has other cookies, another page of the same visitor the same ones.
    let _ = page.evaluate("document.cookie = 'who=first'");
    let (again, other) = (page.another(), browser.page(&origin));
    again.goto("/");
    other.goto("/");
    assert_eq!(again.evaluate("document.cookie"), "who=first");
    assert_eq!(other.evaluate("document.cookie"), "");
    page.forget_cookies();
    assert_eq!(again.evaluate("document.cookie"), "");

    let process = browser.process_id();
    drop(browser);
    wait_until("the browser has ended", || !Path::new(&format!("/proc/{process}")).exists());
}

fn the_language_and_the_theme_are_those_that_were_asked_for(page: &Page) {
    let phone = Looks { size: Size::PHONE, theme: Theme::Dark, language: Language::English };
    page.look(phone);
    page.goto("/asked");
    assert!(page.text().contains("en-GB,en;q=0.9"), "{}", page.text());
    page.goto("/");
    assert_eq!(page.evaluate("[innerWidth, innerHeight]"), json!([390, 844]));
    assert_eq!(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), true);
    let picture = page.screenshot("harness", phone);
    let bytes = std::fs::read(picture).expect("the picture is there");
    assert!(bytes.starts_with(b"\x89PNG"));
    page.look(Looks::COUNTER);
}

#[test]
fn a_page_without_faults_has_none_and_each_fault_is_found() {
    let origin = serve();
    let browser = Browser::start();
    let page = browser.page(&origin);
    page.goto("/");
    page.axe();
    assert_eq!(page.shape_faults("zh-CN"), []);
    assert_eq!(page.focus_faults(), []);
    page.nothing_odd();
    for theme in [Theme::Light, Theme::Dark] {
        page.look(Looks { size: Size::PHONE, theme, language: Language::Chinese });
        page.axe();
        assert_eq!(page.shape_faults("zh-CN"), []);
    }

    page.look(Looks { size: Size::PHONE, theme: Theme::Light, language: Language::Chinese });
    page.goto("/wrong");
    let mut found = page.shape_faults("zh-CN");
    found.extend(page.axe_faults(None));
    found.extend(page.focus_faults());
    found.extend(page.odd_faults());
    let rules: Vec<&str> = found.iter().map(|fault| fault.rule.as_str()).collect();
    for rule in [
        "html-lang",
        "one-h1",
        "no-sideways-scroll",
        "labelled",
        "target-44",
        "color-contrast",
        "label",
        "focus-visible",
        "console",
        "request",
    ] {
        assert!(rules.contains(&rule), "{rule} is not found: {found:#?}");
    }
    let said = |words: &str| found.iter().any(|fault| fault.place.contains(words));
    assert!(said("it went wrong") && said("and fell"), "{found:#?}");
    // The policy has stopped the picture, and said so.
    assert!(said("Content Security Policy"), "{found:#?}");
    assert_eq!(page.odd_faults(), [], "what was told once is not told again");
}

#[test]
fn a_walk_looks_at_each_kind_of_page_once_and_tells_where_what_is_wrong() {
    let origin = serve();
    let browser = Browser::start();
    let page = browser.page(&origin);
    let mut walk = Walk::default();
    walk.follow(&page, "anybody", "/house");
    assert_eq!(walk.kinds(), ["/house", "/things/…"]);
    let faults = walk.faults();
    let in_english =
        |fault: &String| fault.contains("en instead of") || fault.contains("instead of en");
    assert!(faults.iter().any(in_english), "the pages are in Chinese only: {faults:#?}");
    let missing = "/nowhere (anybody, ) status: 404";
    assert!(faults.iter().any(|fault| fault == missing), "{faults:#?}");
    let other = |fault: &&String| !in_english(fault) && *fault != missing;
    assert_eq!(faults.iter().filter(other).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Serves the pages of this file for as long as the test runs.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream));
        }
    });
    format!("http://{address}")
}

/// Answers one request; a browser that hangs up early is none of this thread's business.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?.take(64 * 1024)).lines();
    let request = lines.next()?.ok()?;
    let headers: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = request.split(' ').nth(1)?;
    let html = "text/html; charset=utf-8";
    let titled = |heading: &str, body: &str| {
        format!(
            "<!doctype html><html lang=zh-CN><title>{heading}</title><link rel=icon href=data:,>\
             <link rel=stylesheet href=/own.css><main><h1>{heading}</h1>{body}</main></html>"
        )
    };
    let (status, kind, body) = match path.split('?').next()? {
        "/" => ("200 OK", html, RIGHT.to_owned()),
        "/wrong" => ("200 OK", html, WRONG.to_owned()),
        "/own.css" => ("200 OK", "text/css", STYLE.to_owned()),
        "/own.js" => ("200 OK", "text/javascript", SCRIPT.to_owned()),
        "/wrong.js" => ("200 OK", "text/javascript", WRONG_SCRIPT.to_owned()),
        "/got" | "/slow" => ("200 OK", html, titled("收到", path)),
        "/asked" => ("200 OK", html, titled("请求", &headers.join("<br>"))),
        "/house" => {
            ("200 OK", html, linked(&["/things/1", "/things/2", "/nowhere", "/register.csv"]))
        }
        "/things/1" | "/things/2" => ("200 OK", html, linked(&["/house"])),
        "/receipt" => ("200 OK", html, titled("回执", &drawn_code())),
        _ => ("404 Not Found", html, titled("没有这一页", "")),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: {POLICY}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
}

/// A page in order that links to others.
fn linked(paths: &[&str]) -> String {
    let links = paths.iter().map(|path| format!("<a href={path}>第{path}页</a> "));
    let links: String = links.collect();
    format!(
        "<!doctype html><html lang=zh-CN><title>各页</title><link rel=icon href=data:,>\
         <meta name=viewport content='width=device-width, initial-scale=1'>\
         <link rel=stylesheet href=/own.css><main><h1>各页</h1><nav>{links}</nav></main></html>"
    )
}

fn drawn_code() -> String {
    let mut path = String::new();
    for (y, row) in CODE.iter().enumerate() {
        for (x, _) in row.bytes().enumerate().filter(|(_, dot)| *dot == b'#') {
            path.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
        }
    }
    let side = CODE.len() + 8;
    format!("<svg viewBox='0 0 {side} {side}' shape-rendering=crispEdges><path d='{path}'/></svg>")
}
