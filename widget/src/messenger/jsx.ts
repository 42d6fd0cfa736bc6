// What the build puts elements together with.
export { Fragment, h } from 'preact';
