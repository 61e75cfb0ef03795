//! `--timeline`: one seed as a picture. Time runs down; each node is a lane with the states of its
//! apps as bars, frames are arrows from lane to lane, and lost frames are arrows that break off.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::timeline_data::{Arrow, Bar, Mark, TimelineData};

const TOP: usize = 70;
/// The first lane, and the distance to the next one.
const LANE_X: usize = 190;
const LANE_STEP: usize = 360;
const BAR_WIDTH: usize = 11;
/// The least and the greatest distance between two moments.
const STEP_MIN: usize = 11;
const STEP_MAX: usize = 46;

/// Where each moment is in the picture. Long silences are shortened.
struct Scale {
    heights: BTreeMap<u64, usize>,
    lanes: usize,
}

impl Scale {
    fn new(data: &TimelineData) -> Self {
        let arrows = data.arrows.iter();
        let mut moments: Vec<u64> = arrows
            .flat_map(|arrow| [Some(arrow.sent), arrow.arrived])
            .flatten()
            .collect();
        moments.extend(data.bars.iter().map(|bar| bar.begin));
        moments.extend(data.bars.iter().filter_map(|bar| bar.end));
        moments.extend(data.marks.iter().map(|mark| mark.at));
        moments.sort_unstable();
        moments.dedup();
        let (mut y, mut last, mut heights) = (TOP, 0, BTreeMap::new());
        for moment in moments {
            // One pixel for each millisecond.
            let gap = usize::try_from((moment - last) / 1_000).unwrap_or(STEP_MAX);
            y += gap.clamp(STEP_MIN, STEP_MAX);
            heights.insert(moment, y);
            last = moment;
        }
        Self {
            heights,
            lanes: data.lanes(),
        }
    }

    fn y(&self, moment: u64) -> usize {
        self.heights.get(&moment).copied().unwrap_or(TOP)
    }

    fn bottom(&self) -> usize {
        self.heights.values().next_back().copied().unwrap_or(TOP) + 30
    }

    const fn width(&self) -> usize {
        lane(self.lanes) - 120
    }
}

const fn lane(node: usize) -> usize {
    LANE_X + node * LANE_STEP
}

/// Draws the picture, with `title` above it.
pub(crate) fn draw(data: &TimelineData, title: &str) -> String {
    let scale = Scale::new(data);
    let (width, height) = (scale.width(), scale.bottom() + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans, Helvetica, sans-serif\" font-size=\"9\">\n\
         <style>text {{ paint-order: stroke; stroke: white; stroke-width: 2.5px; }}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"20\" y=\"24\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    for node in 0..scale.lanes {
        let x = lane(node);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{}\" stroke=\"#bbb\"/>\
             <text x=\"{x}\" y=\"52\" font-size=\"12\" text-anchor=\"middle\" font-weight=\"bold\">node {node} \u{b7} 10.0.0.{}</text>",
            scale.bottom(),
            node + 1
        );
    }
    draw_times(&mut svg, &scale);
    for bar in &data.bars {
        draw_bar(&mut svg, &scale, bar);
    }
    for arrow in &data.arrows {
        draw_arrow(&mut svg, &scale, arrow);
    }
    draw_marks(&mut svg, &scale, &data.marks);
    svg + "</svg>\n"
}

/// The time, where there is room for it.
fn draw_times(svg: &mut String, scale: &Scale) {
    let mut last = 0;
    for (moment, y) in &scale.heights {
        if *y < last + 22 {
            continue;
        }
        last = *y;
        let _ = writeln!(
            svg,
            "<text x=\"44\" y=\"{}\" fill=\"#555\" text-anchor=\"end\">{:.3} s</text>\
             <line x1=\"48\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"#eee\"/>",
            y + 3,
            *moment as f64 / 1e6,
            scale.width() - 10
        );
    }
}

fn draw_bar(svg: &mut String, scale: &Scale, bar: &Bar) {
    let (top, bottom) = (
        scale.y(bar.begin),
        bar.end.map_or(scale.bottom(), |end| scale.y(end)),
    );
    let x = lane(bar.node) + bar.row * BAR_WIDTH - 3 * BAR_WIDTH / 2;
    // Light colours, a different one for each name.
    let hue = bar
        .name
        .bytes()
        .fold(0u32, |sum, byte| sum * 31 % 360 + u32::from(byte))
        % 360;
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{top}\" width=\"{BAR_WIDTH}\" height=\"{}\" fill=\"hsl({hue},60%,80%)\" stroke=\"#666\" stroke-width=\"0.6\"/>",
        (bottom - top).max(1)
    );
    if bottom - top >= 9 {
        let y = top + 8;
        let task = bar.task;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{y}\" font-size=\"7\" fill=\"#333\" text-anchor=\"end\">{task} {}</text>",
            // The labels of frames come to the inner lanes from the left.
            lane(bar.node) - 3 * BAR_WIDTH / 2 - if bar.node == 0 { 4 } else { 48 },
            bar.name
        );
    }
}

fn draw_arrow(svg: &mut String, scale: &Scale, arrow: &Arrow) {
    let to = arrow
        .to
        .unwrap_or(if arrow.from == 0 { 1 } else { arrow.from - 1 });
    let is_right = to > arrow.from;
    let edge = |node: usize, right: bool| {
        let half = 3 * BAR_WIDTH / 2 + 1;
        if right {
            lane(node) + half
        } else {
            lane(node) - half
        }
    };
    let (x1, x2) = (
        edge(arrow.from, is_right) as f64,
        edge(to, !is_right) as f64,
    );
    let y1 = scale.y(arrow.sent) as f64;
    let (colour, dashes) = match (arrow.arrived, arrow.is_changed) {
        (None, _) => ("#c00", ""),
        (_, true) => ("#d70", " stroke-dasharray=\"4 2\""),
        _ => ("#224", ""),
    };
    let (end_x, end_y) = match arrow.arrived {
        Some(at) => (x2, scale.y(at) as f64),
        None => (x1 + (x2 - x1) * 0.4, y1 + 6.0),
    };
    let _ = writeln!(
        svg,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{end_x}\" y2=\"{end_y}\" stroke=\"{colour}\" stroke-width=\"0.8\"{dashes}/>"
    );
    if arrow.arrived.is_some() {
        let (dx, dy) = (end_x - x1, end_y - y1);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let corner = |side: f64| {
            format!(
                "{:.1},{:.1}",
                end_x - 6.0 * ux - side * uy,
                end_y - 6.0 * uy + side * ux
            )
        };
        let _ = writeln!(
            svg,
            "<polygon points=\"{end_x:.1},{end_y:.1} {} {}\" fill=\"{colour}\"/>",
            corner(2.5),
            corner(-2.5)
        );
    } else {
        let (left, right) = (end_x - 3.0, end_x + 3.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{left},{} L{right},{} M{left},{} L{right},{}\" stroke=\"{colour}\" stroke-width=\"1.4\"/>",
            end_y - 3.0,
            end_y + 3.0,
            end_y + 3.0,
            end_y - 3.0
        );
    }
    draw_label(svg, &arrow.label, (x1, y1), is_right, colour);
}

/// The label of a frame, where it leaves.
fn draw_label(svg: &mut String, text: &str, (x1, y1): (f64, f64), is_right: bool, colour: &str) {
    let (x, anchor) = if is_right {
        (x1 + 4.0, "start")
    } else {
        (x1 - 4.0, "end")
    };
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" font-size=\"7\" fill=\"{colour}\" text-anchor=\"{anchor}\">{}</text>",
        y1 - 2.0,
        escaped(text)
    );
}

/// Events as points beside their lane; those of one moment are on one line.
fn draw_marks(svg: &mut String, scale: &Scale, marks: &[Mark]) {
    let mut lines: BTreeMap<(Option<usize>, usize), String> = BTreeMap::new();
    for mark in marks {
        let line = lines.entry((mark.node, scale.y(mark.at))).or_default();
        if !line.is_empty() {
            *line += " \u{b7} ";
        }
        *line += &mark.text;
    }
    for ((node, y), text) in lines {
        let Some(node) = node else {
            let _ = writeln!(
                svg,
                "<line x1=\"48\" y1=\"{y}\" x2=\"{0}\" y2=\"{y}\" stroke=\"#080\" stroke-dasharray=\"6 3\"/>\
                 <text x=\"{0}\" y=\"{1}\" fill=\"#080\" text-anchor=\"end\">{2}</text>",
                scale.width() - 10,
                y - 2,
                escaped(&text)
            );
            continue;
        };
        let x = lane(node) + 3 * BAR_WIDTH / 2 + 5;
        let _ = writeln!(
            svg,
            "<circle cx=\"{}\" cy=\"{y}\" r=\"2.2\" fill=\"#063\"/>\
             <text x=\"{x}\" y=\"{}\" font-size=\"7.5\" fill=\"#063\">{}</text>",
            x - 4,
            y + 7,
            escaped(&text)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
