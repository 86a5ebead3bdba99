//! The icons of the app, drawn when they are asked for: a speech bubble with a check mark.
//!
//! Owns the mark, its colour, and the two forms of learn.microsoft.com/microsoftteams/platform/concepts/
//! build-and-test/apps-package. The mark is a set of distances to shapes on a grid of 32 by 32; to change it, change
//! the shapes. Only additions, products and square roots are used, which are the same on every machine.

use png::{BitDepth, ColorType, Compression, Encoder};

/// The side of the icon in colour, in pixels, as Teams demands.
pub const COLOR_SIDE: u32 = 192;
/// The side of the white icon, in pixels, as Teams demands.
pub const OUTLINE_SIDE: u32 = 32;
/// Pixels around the mark in colour, which Teams cuts away where it shows a hexagon or rounded corners.
const PADDING: f32 = 48.0;

/// The colour behind the mark, as red, green and blue.
const ACCENT: [u8; 3] = [0x4b, 0x45, 0xc6];
/// The colour of the mark; in the white icon nothing else is allowed.
const WHITE: [u8; 3] = [0xff; 3];

/// The side of the grid on which the mark is drawn.
const GRID: f32 = 32.0;
/// How wide the bubble's line is where only its outline is drawn.
const LINE: f32 = 2.0;

/// A point on the grid, right and down from its upper left corner.
type Point = (f32, f32);

/// The three corners of the bubble's tail; each is rounded by one.
const TAIL: [Point; 3] = [(7.0, 24.0), (7.0, 30.0), (14.0, 24.0)];
/// The check mark, as a line through three points.
const CHECK: [Point; 3] = [(10.0, 13.4), (14.2, 17.5), (22.0, 9.0)];

/// The colour behind the mark, as Teams wants to be told of it.
#[must_use]
pub fn accent() -> String {
    let [red, green, blue] = ACCENT;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The icon in colour, as PNG. It is square: Teams rounds its corners itself.
#[must_use]
pub fn color() -> Vec<u8> {
    let scale = (COLOR_SIDE as f32 - 2.0 * PADDING) / GRID;
    draw(COLOR_SIDE, |(x, y)| {
        let point = ((x - PADDING) / scale, (y - PADDING) / scale);
        let white = covered(bubble(point), scale) * (1.0 - covered(check(point) - 1.7, scale));
        let [red, green, blue] = [0, 1, 2].map(|part| mix(ACCENT[part], WHITE[part], white));
        [red, green, blue, u8::MAX]
    })
}

/// The white icon on nothing, as PNG, without a margin.
#[must_use]
pub fn outline() -> Vec<u8> {
    draw(OUTLINE_SIDE, |point| {
        // The tail is whole: at this size nothing is to be seen inside it.
        let line = ((bubble(point) + LINE / 2.0).abs() - LINE / 2.0).min(tail(point));
        let seen = covered(line.min(check(point) - 1.3), 1.0);
        let [red, green, blue] = WHITE;
        [red, green, blue, mix(0, u8::MAX, seen)]
    })
}

/// A square picture, of whose pixels each is asked for by its middle.
fn draw(side: u32, pixel: impl Fn(Point) -> [u8; 4]) -> Vec<u8> {
    let middle = |number: u32| number as f32 + 0.5;
    let pixels: Vec<u8> = (0..side)
        .flat_map(|y| (0..side).map(move |x| (x, y)))
        .flat_map(|(x, y)| pixel((middle(x), middle(y))))
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header().expect("invariant: a vector takes what is written");
    writer.write_image_data(&pixels).expect("invariant: there are as many pixels as the head says");
    writer.finish().expect("invariant: a vector takes what is written");
    file
}

/// How much of a pixel is inside, where the edge is `distance` away (less than zero: inside) and `scale` pixels make
/// one of the grid.
fn covered(distance: f32, scale: f32) -> f32 {
    (0.5 - distance * scale).clamp(0.0, 1.0)
}

fn mix(from: u8, to: u8, share: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    (from + (to - from) * share + 0.5) as u8
}

/// How far the bubble's edge is.
fn bubble(point: Point) -> f32 {
    rounded_box(point, (16.0, 13.0), (16.0, 12.0), 6.5).min(tail(point))
}

/// How far the edge of its tail is.
fn tail(point: Point) -> f32 {
    polygon(point, &TAIL) - 1.0
}

/// How far the line of the check mark is.
fn check(point: Point) -> f32 {
    segment(point, CHECK[0], CHECK[1]).min(segment(point, CHECK[1], CHECK[2]))
}

fn rounded_box(point: Point, middle: Point, half: Point, radius: f32) -> f32 {
    let right = (point.0 - middle.0).abs() - half.0 + radius;
    let down = (point.1 - middle.1).abs() - half.1 + radius;
    length((right.max(0.0), down.max(0.0))) + right.max(down).min(0.0) - radius
}

fn segment(point: Point, from: Point, to: Point) -> f32 {
    let (along, away) = ((to.0 - from.0, to.1 - from.1), (point.0 - from.0, point.1 - from.1));
    let share = ((away.0 * along.0 + away.1 * along.1) / (along.0 * along.0 + along.1 * along.1)).clamp(0.0, 1.0);
    length((away.0 - along.0 * share, away.1 - along.1 * share))
}

fn polygon(point: Point, corners: &[Point]) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut is_inside = false;
    for (number, to) in corners.iter().enumerate() {
        let from = corners[(number + corners.len() - 1) % corners.len()];
        nearest = nearest.min(segment(point, from, *to));
        // A ray to the right crosses the edge of what it is inside of an odd number of times.
        let crosses = (from.1 > point.1) != (to.1 > point.1);
        if crosses && point.0 < from.0 + (to.0 - from.0) * (point.1 - from.1) / (to.1 - from.1) {
            is_inside = !is_inside;
        }
    }
    if is_inside { -nearest } else { nearest }
}

fn length((right, down): Point) -> f32 {
    (right * right + down * down).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(file: &[u8]) -> (u32, Vec<[u8; 4]>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let head = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((head.width, head.color_type), (head.height, ColorType::Rgba));
        (head.width, bytes.chunks_exact(4).map(|pixel| pixel.try_into().unwrap()).collect())
    }

    #[test]
    fn the_icon_in_colour_is_square_and_whole_with_its_mark_in_the_middle() {
        let (side, pixels) = pixels(&color());
        assert_eq!(side, COLOR_SIDE);
        let behind = [ACCENT[0], ACCENT[1], ACCENT[2], 255];
        let mut in_the_mark = 0;
        for (number, pixel) in pixels.iter().enumerate() {
            let (x, y) = (number as u32 % side, number as u32 / side);
            let is_padding = [x, y].iter().any(|at| !(48..144).contains(at));
            assert!(!is_padding || *pixel == behind, "{x} {y}: {pixel:?}");
            in_the_mark += usize::from(*pixel == [255; 4]);
        }
        assert!((3000..8000).contains(&in_the_mark), "{in_the_mark}");
    }

    #[test]
    fn the_other_icon_is_white_and_clear_and_fills_its_square() {
        let (side, pixels) = pixels(&outline());
        assert_eq!(side, OUTLINE_SIDE);
        assert!(pixels.iter().all(|pixel| pixel[..3] == WHITE));
        let seen: Vec<u32> = (0..).zip(&pixels).filter(|(_, pixel)| pixel[3] > 127).map(|(number, _)| number).collect();
        let columns = seen.iter().map(|number| number % side);
        let rows = seen.iter().map(|number| number / side);
        assert!(columns.clone().min() <= Some(1) && columns.max() >= Some(30), "{seen:?}");
        assert!(rows.clone().min() <= Some(1) && rows.max() >= Some(30), "{seen:?}");
        assert_eq!(pixels[0][3], 0);
    }

    #[test]
    fn the_accent_is_written_as_teams_wants_it() {
        assert_eq!(accent(), "#4b45c6");
    }
}
